/**
 * Heartbeat intake, the freshness path of PROTOCOL §2.1. The bargain: the proof is recorded before it is spoken, and
 * under a share lock of the organization's row, so that a change that commits next sees every proof ever given.
 */
import { type Continuation, takeIn } from "@claviger/shared/sync/intake";
import { type ChainedPosition, reaches } from "@claviger/shared/sync/position";
import type { Fresh, Heartbeat } from "@claviger/shared/wire/heartbeat";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import { type Outcome, togetherOrApart } from "./apart.ts";
import { batched } from "./batch.ts";
import { type Chains, chainsAt, signSteps, stepsAfter } from "./deltas.ts";
import { type Fork, knownPast, noteLoss, onKnownPast, raiseOnFork, UnknownPast } from "./epochs.ts";
import { settleReports } from "./escrow/reports.ts";
import { standInLine, type Tx } from "./journal.ts";
import { dealRates } from "./rate/deal.ts";
import { createPokes } from "./rate/poke.ts";
import { renewalsFor } from "./renewal.ts";
import {
  lockReplicas,
  type ReplicaUpdate,
  type StoredReplica,
  withConfirmations,
  writeReplicas,
} from "./replica-rows.ts";
import { takeBack } from "./take-back.ts";

/**
 * Heartbeats of one organization that arrive within this time share a transaction, and so do all that arrive while one
 * is under way: under load the transaction itself is the window, and a lone barrier does not wait for a longer one.
 */
const BATCH_MS = 2;
const NEXT_HEARTBEAT_MS = 10_000;

export interface Beat {
  replicaId: string;
  heartbeat: Heartbeat;
  /** Questions to put into the answer. */
  queries?: readonly string[];
}

/** What one heartbeat is answered with, before it is signed; null: no proof for this one. */
interface Reply {
  replica: StoredReplica;
  fresh: Fresh;
  /** Where it stands, if deltas lead on from there; they are read when nobody waits for the lock any more. */
  lacks: ChainedPosition | null;
}

/** Resolves to the signed answer, or to null for a replica that gets none (detached, unknown, or a clone). */
export type TakeHeartbeat = (orgId: string, beat: Beat) => Promise<string | null>;

export interface IntakeOptions {
  /** The lock on the organization's row; only a test that shows what it is for leaves it out. */
  headLock?: "share" | "none";
  batchMs?: number;
}

/** The intake of one process. Nothing that it holds outlives a batch. */
export function createHeartbeatIntake(ports: Ports, options: IntakeOptions = {}): TakeHeartbeat {
  const poke = createPokes(ports);
  const take = batched<Beat, Outcome<string | null>>(options.batchMs ?? BATCH_MS, async (orgId, beats) => {
    const outcomes = await togetherOrApart(beats, async (some) => {
      const replies = await recordOnKnownPast(ports, orgId, some, options);
      return replies.map((reply, index) => ({ reply, beat: some[index] }));
    });
    const tombs = outcomes.flatMap((outcome) =>
      "value" in outcome && outcome.value.reply !== null ? (outcome.value.beat?.heartbeat.tombs ?? []) : [],
    );
    if (tombs.length > 0) {
      takeBack(ports, orgId, tombs).catch((error: unknown) => {
        ports.log.warn({ err: error, org: orgId }, "what gateways know to be dead was not taken back");
      });
    }
    const taken = outcomes.map((outcome, index) =>
      "value" in outcome && outcome.value.reply !== null ? (beats[index] ?? null) : null,
    );
    const dealt = await dealRates(ports, orgId, taken);
    void poke(orgId, dealt.poke);
    return Promise.all(
      outcomes.map(async (outcome, index): Promise<Outcome<string | null>> => {
        if ("error" in outcome) return outcome;
        const { reply } = outcome.value;
        if (reply === null) {
          ports.log.warn({ org: orgId, replica: beats[index]?.replicaId }, "a heartbeat got no proof");
          return { value: null };
        }
        const rates = dealt.answers[index];
        const fresh =
          rates === undefined ? reply.fresh : { ...reply.fresh, rates: { ...rates, keys: [...rates.keys] } };
        return signFresh(ports, orgId, { ...reply, fresh }).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        );
      }),
    );
  });
  return async (orgId, beat) => {
    const outcome = await take(orgId, beat);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
}

async function signFresh(ports: Ports, orgId: string, { replica, fresh, lacks }: Reply): Promise<string> {
  const head = { epoch: fresh.epoch, rev: fresh.asOf, chain: fresh.chain };
  const { steps } = lacks === null ? { steps: [] } : await stepsAfter(ports.db, orgId, lacks, head, "beat");
  const behind = fresh.resync || lacks !== null;
  const [renewals, deltas] = await Promise.all([
    renewalsFor(ports, orgId, { id: fresh.replica, behind }, replica),
    signSteps(ports.sign, steps),
  ]);
  const answer: Fresh = { ...fresh, ...renewals, deltas };
  return ports.sign("clv-fresh+jws", new TextEncoder().encode(JSON.stringify(answer)));
}

/** Records on the past that these replicas know of, or raises the epoch first; then nobody's answer is of the old one. */
async function recordOnKnownPast(
  ports: Ports,
  orgId: string,
  beats: readonly Beat[],
  options: IntakeOptions,
): Promise<(Reply | null)[]> {
  const record = (forks: "throw" | "answer") =>
    onKnownPast(ports, () =>
      ports.db.transaction((tx) => recordBeats(tx, ports, orgId, beats, { ...options, forks })),
    );
  try {
    return await record("throw");
  } catch (error) {
    if (!(error instanceof ForkSeen)) throw error;
    await raiseOnFork(ports, orgId, error.head, error.fork);
    return record("answer");
  }
}

/** Ends the transaction: a replica holds what this database does not know. */
class ForkSeen extends Error {
  readonly head: ChainedPosition;
  readonly fork: Fork;

  constructor(head: ChainedPosition, fork: Fork) {
    super("a replica is on another branch of history");
    this.head = head;
    this.fork = fork;
  }
}

async function recordBeats(
  tx: Tx,
  ports: Ports,
  orgId: string,
  beats: readonly Beat[],
  options: IntakeOptions & { forks: "throw" | "answer" },
): Promise<(Reply | null)[]> {
  const ids = [...new Set(beats.map((beat) => beat.replicaId))];
  const [head, { replicas, nowMs }, cursors, sharers] = await Promise.all([
    proofHead(tx, orgId, options.headLock ?? "share"),
    lockReplicas(tx, orgId, ids),
    cursorsOf(tx, ids),
    sharersOf(tx, orgId),
  ]);
  const held = beats.map(({ heartbeat: { epoch, revApplied: rev } }) => ({ epoch, rev }));
  const behind = held.filter((at) => at.epoch > 0 && !reaches(at, head));
  const chains = await chainsAt(tx, orgId, behind);
  const updates = new Map<string, ReplicaUpdate>();
  const answers = beats.map((beat) => takeBeat(beat, { head, nowMs, chains, replicas, updates }));
  for (const answer of answers) {
    if (answer !== null) await judgePast(tx, orgId, head, answer, options.forks);
  }
  if (updates.size > 0) {
    const moved = [...updates.values()].some(({ id, row }) => hasMoved(replicas.get(id)?.row, row));
    await Promise.all([
      writeReplicas(tx, [...updates.values()]),
      ...(moved ? [tx.execute(sql`select pg_notify('operation', ${orgId})`)] : []),
    ]);
  }
  const settled = await settleReports(tx, ports, { orgId, epoch: head.epoch }, answers, cursors, nowMs);
  return answers.map((answer, index): Reply | null => {
    if (answer === null) return null;
    const { replicaId, heartbeat, queries = [] } = answer.beat;
    const { epoch, revApplied: rev, chain } = heartbeat;
    // What it has refused it would refuse again, each time with all that follows: it asks by sync and gets a snapshot.
    const refuses = heartbeat.nack?.rev === rev + 1;
    const lacks = answer.continuation.kind === "deltas" && !refuses;
    const fresh: Fresh = {
      v: 1,
      org: orgId,
      replica: replicaId,
      boot: heartbeat.boot,
      nonce: heartbeat.nonce,
      epoch: head.epoch,
      cpTimeMs: nowMs,
      asOf: head.rev,
      chain: head.chain,
      deltas: [],
      resync: answer.continuation.kind === "resync",
      usageCursor: cursors.get(replicaId) ?? 0,
      ...settled[index],
      ...(queries.length === 0 ? {} : { queries: [...queries] }),
      replicas: sharers,
      ...(answer.replica.draining ? { draining: true as const } : {}),
      nextHeartbeatMs: NEXT_HEARTBEAT_MS,
    };
    return { replica: answer.replica, fresh, lacks: lacks ? { epoch, rev, chain } : null };
  });
}

/** What a replica holds may prove that the database has forgotten something. */
async function judgePast(
  tx: Tx,
  orgId: string,
  head: ChainedPosition,
  { beat, replica, continuation }: Judged,
  forks: "throw" | "answer",
): Promise<void> {
  if (continuation.kind !== "resync" || continuation.why === "pruned") return;
  const { epoch, revApplied: rev, chain } = beat.heartbeat;
  const held = { epoch, rev, chain };
  if (continuation.why === "epoch") {
    if (epoch > 0) await noteLoss(tx, orgId, held);
  } else if (forks === "throw") {
    const { lastSeenMs } = replica.row;
    throw new ForkSeen(head, { replicaId: beat.replicaId, held, lastSeenMs });
  }
}

/**
 * `FOR SHARE` is the whole defence of the race between a proof and a revocation (evidence E2). Throws `UnknownPast` on a
 * database that was promoted or restored since anybody looked.
 */
async function proofHead(tx: Tx, orgId: string, lock: "share" | "none"): Promise<ChainedPosition> {
  const line = lock === "share" ? standInLine(tx, orgId, "together") : undefined;
  // Sent behind it at once: the head is locked before the replicas, as everywhere.
  const read = tx.execute<{ epoch: number; rev: string; chain: string; known: boolean }>(sql`
    select epoch, rev, chain, ${knownPast} as known from org_head where org_id = ${orgId}
    ${lock === "share" ? sql`for share` : sql``}`);
  const [rows] = await Promise.all([read, line]);
  const [row] = rows;
  if (row === undefined) throw new Error("this organization has no journal");
  if (!row.known) throw new UnknownPast();
  return { epoch: row.epoch, rev: Number(row.rev), chain: row.chain };
}

interface Intake {
  head: ChainedPosition;
  nowMs: number;
  chains: Chains;
  replicas: ReadonlyMap<string, StoredReplica>;
  updates: Map<string, ReplicaUpdate>;
}

interface Judged {
  beat: Beat;
  replica: StoredReplica;
  continuation: Continuation;
}

function takeBeat(beat: Beat, intake: Intake): Judged | null {
  const { replicaId: id, heartbeat } = beat;
  const replica = intake.replicas.get(id);
  if (replica === undefined) return null;
  const earlier = intake.updates.get(id);
  const before = earlier?.row ?? replica.row;
  const { row, effects } = takeIn({
    head: intake.head,
    row: before,
    heartbeat,
    chainAtHeld: intake.chains({ epoch: heartbeat.epoch, rev: heartbeat.revApplied }),
    nowMs: intake.nowMs,
  });
  const answer = effects.find((effect) => effect.type === "answer");
  if (answer === undefined) return null;
  const held = earlier?.confirmations ?? replica.confirmations;
  const confirmations = withConfirmations(held, before, row, heartbeat.aborted, intake.nowMs);
  intake.updates.set(id, { id, row, confirmations, heartbeat });
  return { beat, replica, continuation: answer.continuation };
}

function hasMoved(before: StoredReplica["row"] | undefined, after: StoredReplica["row"]): boolean {
  return (
    before?.epoch !== after.epoch ||
    before.revApplied !== after.revApplied ||
    before.revEffective !== after.revEffective
  );
}

async function cursorsOf(tx: Tx, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.execute<{ replica_id: string; seq: string }>(sql`
    select replica_id, seq from replica_cursor
    where replica_id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`);
  return new Map(rows.map((row) => [row.replica_id, Number(row.seq)]));
}

/** Replicas that may be admitting: each limit is dealt among them in equal shares. */
async function sharersOf(tx: Tx, orgId: string): Promise<number> {
  const [row] = await tx.execute<{ n: number }>(sql`
    select count(*)::int as n from replica where org_id = ${orgId} and gone_at is null and not bye`);
  return Math.max(1, row?.n ?? 1);
}
