/** One question to all of an organization's gateways at once, merged newest first (PROTOCOL §2.14). */
import { problem } from "@claviger/shared/api/problem";
import { DOWN_AFTER_MS } from "@claviger/shared/sync/barrier";
import type { Question } from "@claviger/shared/wire/query";
import { sql } from "drizzle-orm";
import * as z from "zod";
import type { Ports } from "../ports.ts";

/** A gateway that does not answer within this time is named as missing, in milliseconds. */
const TIMEOUT_MS = 2_500;

export interface AskedRow<Row> {
  readonly gatewayId: string;
  readonly gateway: string;
  readonly replicaId: string;
  readonly row: Row;
}

export interface AskedPage<Row> {
  readonly rows: readonly AskedRow<Row>[];
  /** Opaque; null at the end. */
  readonly next: string | null;
  /** Names of gateways. One of which a replica did not answer is missing. */
  readonly answered: readonly string[];
  readonly missing: readonly string[];
}

export interface AskAll<Row> {
  readonly orgId: string;
  /** A gateway's id or name; all when absent. */
  readonly gateway?: string | undefined;
  readonly size: number;
  readonly after?: string | undefined;
  readonly question: (range: { limit: number; before?: number }) => Question;
  readonly schema: z.ZodType<Row>;
}

interface Target {
  gatewayId: string;
  gateway: string;
  replicaId: string;
  up: boolean;
}

/** By replica: the `n` of the last row that was shown of it; 0 when nothing is left. */
const Cursor = z.record(z.string(), z.int().min(0));
type Cursor = z.infer<typeof Cursor>;

/** Asks every replica that is up; rows that cannot be read are left out. */
export async function askAll<Row extends { n: number; atMs: number }>(
  ports: Ports,
  ask: AskAll<Row>,
): Promise<AskedPage<Row>> {
  const targets = await targetsOf(ports, ask);
  const cursor = readCursor(ask.after);
  const asked = await Promise.all(
    targets.map(async (target) => {
      if (cursor[target.replicaId] === 0) return { target, rows: [], heard: true };
      const rows = target.up ? await askOne(ports, ask, target, cursor[target.replicaId]) : undefined;
      return { target, rows: rows ?? [], heard: rows !== undefined };
    }),
  );
  const missing = new Set(asked.filter(({ heard }) => !heard).map(({ target }) => target.gateway));
  const all = new Set(targets.map(({ gateway }) => gateway));
  const { rows, left } = merge(asked, ask.size, cursor);
  return {
    rows,
    next: left === null ? null : Buffer.from(JSON.stringify(left)).toString("base64url"),
    answered: [...all].filter((name) => !missing.has(name)),
    missing: [...missing],
  };
}

async function targetsOf(ports: Ports, ask: Pick<AskAll<unknown>, "orgId" | "gateway">): Promise<Target[]> {
  const rows = await ports.db.execute<{ gateway_id: string; name: string; id: string; up: boolean }>(sql`
    select r.gateway_id, g.name, r.id,
      coalesce(r.last_seen > clock_timestamp() - ${DOWN_AFTER_MS} * interval '1 millisecond', false) as up
    from replica r join gateway g on g.id = r.gateway_id
    where r.org_id = ${ask.orgId} and r.gone_at is null
      ${ask.gateway === undefined ? sql`` : sql`and ${ask.gateway} in (g.id, g.name)`}
    order by g.name, r.id`);
  return rows.map((row) => ({ gatewayId: row.gateway_id, gateway: row.name, replicaId: row.id, up: row.up }));
}

async function askOne<Row>(
  ports: Ports,
  ask: AskAll<Row>,
  target: Target,
  before: number | undefined,
): Promise<Row[] | undefined> {
  const range = { limit: ask.size, ...(before === undefined ? {} : { before }) };
  const answer = await ports.fleet.ask(ask.orgId, target.replicaId, ask.question(range), TIMEOUT_MS);
  return answer?.flatMap((raw) => {
    const parsed = ask.schema.safeParse(raw);
    return parsed.success ? [parsed.data] : [];
  });
}

interface Asked<Row> {
  target: Target;
  rows: readonly Row[];
  /** False: its rows may come with a later page. */
  heard: boolean;
}

/**
 * Takes the newest head of all lists until the page is full, so that what is shown of each replica is a prefix of its
 * list and the cursor loses nothing.
 */
function merge<Row extends { n: number; atMs: number }>(
  asked: readonly Asked<Row>[],
  size: number,
  cursor: Cursor,
): { rows: AskedRow<Row>[]; left: Cursor | null } {
  const taken = asked.map(() => 0);
  const rows: AskedRow<Row>[] = [];
  while (rows.length < size) {
    let newest = -1;
    asked.forEach((list, index) => {
      const head = list.rows[taken[index] ?? 0];
      const best = asked[newest]?.rows[taken[newest] ?? 0];
      if (head !== undefined && (best === undefined || head.atMs > best.atMs)) newest = index;
    });
    const list = asked[newest];
    const row = list?.rows[taken[newest] ?? 0];
    if (list === undefined || row === undefined) break;
    taken[newest] = (taken[newest] ?? 0) + 1;
    const { gatewayId, gateway, replicaId } = list.target;
    rows.push({ gatewayId, gateway, replicaId, row });
  }
  const left: Cursor = { ...cursor };
  let more = false;
  asked.forEach(({ target, rows: list, heard }, index) => {
    if (!heard) return;
    const shown = taken[index] ?? 0;
    const last = list[shown - 1];
    const ended = shown === list.length && list.length < size;
    if (ended) left[target.replicaId] = 0;
    else if (last !== undefined) left[target.replicaId] = last.n;
    more ||= !ended;
  });
  return { rows, left: more && rows.length > 0 ? left : null };
}

function readCursor(after: string | undefined): Cursor {
  if (after === undefined) return {};
  try {
    return Cursor.parse(JSON.parse(Buffer.from(after, "base64url").toString()));
  } catch {
    throw problem("invalid_value", "page[after] is no cursor of this list.");
  }
}
