/**
 * Knocking at replicas that hear neither bus nor courier (PROTOCOL §2.12): after each change, at those with a public URL
 * that have not confirmed it by themselves. The bargain: the address was chosen by a tenant, so it is only ever reached
 * through `post`, which guards it; and what answers counts for the replica whose nkey signed it, or for nobody.
 */
import { type ChainedPosition, reaches } from "@claviger/shared/sync/position";
import { Heartbeat } from "@claviger/shared/wire/heartbeat";
import { KNOCK_PATH, type Knock } from "@claviger/shared/wire/knock";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import { batched } from "./batch.ts";
import { createCallers } from "./callers.ts";
import { chainsAt, readHead, signSteps, stepsAfter } from "./deltas.ts";
import { createHeartbeatIntake } from "./heartbeat.ts";
import { createSlots } from "./slots.ts";

/** Who hears by bus or courier has confirmed within this time, in milliseconds. */
const GRACE_MS = 300;
/** Of one organization at once. */
const KNOCKS_MAX = 8;
/** Answers of one replica until it is left to itself. */
const ROUNDS_MAX = 6;
/** One that does not answer is left in peace for this long, and longer each time, in milliseconds. */
const QUIET_MS_MIN = 2_000;
const QUIET_MS_MAX = 120_000;
/** Replicas whose silence is remembered. */
const SILENT_MAX = 10_000;

export interface Posted {
  readonly header: (name: string) => string | null;
  readonly body: Uint8Array;
}

/** Posts JSON to an address that a tenant has chosen, and says which where it is known; rejects when the guard, or anything but a 200, is in the way. */
export type Post = (url: string, body: string, orgId?: string) => Promise<Posted>;

interface Target {
  readonly id: string;
  readonly url: string;
  readonly epoch: number;
  readonly rev: number;
}

/** Resolves when everybody who had to be knocked at has answered or will not; never rejects. */
export function createKnocker(ports: Ports, post: Post): (orgId: string) => Promise<void> {
  const knockAt = createRounds(ports, post);
  const silent = new Map<string, { untilMs: number; quietMs: number }>();
  const knockOne = async (orgId: string, target: Target): Promise<void> => {
    const before = silent.get(target.id);
    if (before !== undefined && before.untilMs > performance.now()) return;
    try {
      await knockAt(orgId, target);
      silent.delete(target.id);
    } catch (error) {
      const quietMs = Math.min((before?.quietMs ?? QUIET_MS_MIN / 2) * 2, QUIET_MS_MAX);
      if (silent.size >= SILENT_MAX) silent.clear();
      silent.set(target.id, { untilMs: performance.now() + quietMs, quietMs });
      ports.log.info({ err: error, replica: target.id, quietMs }, "a knock was not answered");
    }
  };
  const inSlot = createSlots(KNOCKS_MAX);
  // A line for each replica: whoever is slow delays its own next knock, and nobody else's.
  const knockNext = batched<string, true>(0, async (id, waiting) => {
    const [orgId] = waiting;
    try {
      // What it had to be told may have reached it while this waited.
      const target = orgId === undefined ? undefined : (await targetsOf(ports, orgId, id))[0];
      if (orgId !== undefined && target !== undefined) await inSlot(orgId, () => knockOne(orgId, target));
    } catch (error) {
      ports.log.warn({ err: error, replica: id }, "it could not be knocked at");
    }
    return waiting.map(() => true as const);
  });
  const begin = batched<null, { over: Promise<unknown> }>(0, async (orgId, waiting) => {
    let over: Promise<unknown> = Promise.resolve();
    try {
      if ((await targetsOf(ports, orgId)).length > 0) {
        await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
        over = Promise.all((await targetsOf(ports, orgId)).map(({ id }) => knockNext(id, orgId)));
      }
    } catch (error) {
      ports.log.warn({ err: error, org: orgId }, "nobody could be knocked at");
    }
    return waiting.map(() => ({ over }));
  });
  return async (orgId) => void (await (await begin(orgId, null)).over);
}

/** Replicas (or the one) that may be admitting, have a public URL, and are not at the head. */
async function targetsOf(ports: Pick<Ports, "db">, orgId: string, id?: string): Promise<Target[]> {
  const rows = await ports.db.execute<{ id: string; url: string; epoch: number; rev: string }>(sql`
    select r.id, r.public_url as url, r.epoch, r.rev_applied as rev
    from replica r join org_head h using (org_id)
    where r.org_id = ${orgId} and r.public_url is not null and r.gone_at is null and r.fresh_hi is not null
      and (r.epoch, r.rev_effective) < (h.epoch, h.rev) ${id === undefined ? sql`` : sql`and r.id = ${id}`}
    order by r.id`);
  return rows.map((row) => ({ ...row, rev: Number(row.rev) }));
}

function createRounds(ports: Ports, post: Post) {
  const authenticate = createCallers(ports);
  const takeHeartbeat = createHeartbeatIntake(ports);
  /** What the one at `url` says it holds, recorded, and what it is to be told then. */
  const ask = async (orgId: string, { id, url }: Target, knock: Knock) => {
    const { header, body } = await post(addressOf(url), JSON.stringify(knock), orgId);
    const sender = await authenticate(header, { method: "POST", target: courierPaths.heartbeat, body });
    if (sender.orgId !== orgId || sender.replicaId !== id) throw new Error("another replica answers there");
    const heartbeat = Heartbeat.parse(JSON.parse(new TextDecoder().decode(body)));
    const fresh = await takeHeartbeat(orgId, { replicaId: id, heartbeat });
    if (fresh === null) throw new Error("it is not the process that speaks for this replica");
    return { at: { epoch: heartbeat.epoch, rev: heartbeat.revApplied }, fresh };
  };
  return async (orgId: string, target: Target): Promise<void> => {
    const head = await readHead(ports.db, orgId);
    if (head === undefined) return;
    let knock: Knock = { v: 1, replica: target.id, messages: await pendingOf(ports, orgId, target, head) };
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { at, fresh } = await ask(orgId, target, knock);
      if (reaches(at, head)) return;
      knock = { v: 1, replica: target.id, messages: [], fresh };
    }
    throw new Error("it answers, and does not get any further");
  };
}

/** What follows the position of its row; nothing when that is no longer kept, for its heartbeat will tell. */
async function pendingOf(
  ports: Pick<Ports, "db" | "sign">,
  orgId: string,
  { epoch, rev }: Target,
  head: ChainedPosition,
): Promise<string[]> {
  if (epoch === 0) return [];
  const chain = (await chainsAt(ports.db, orgId, [{ epoch, rev }]))({ epoch, rev });
  if (chain === undefined) return [];
  const { steps } = await stepsAfter(ports.db, orgId, { epoch, rev, chain }, head);
  return signSteps(ports.sign, steps);
}

/** Query, fragment and credentials of the URL are not the tenant's to choose. */
function addressOf(publicUrl: string): string {
  const { origin, pathname } = new URL(publicUrl);
  return origin + pathname.replace(/\/+$/, "") + KNOCK_PATH;
}
