/**
 * The control plane's side of a heartbeat, pure: from the organization's head and the replica's row to what is
 * recorded and what is answered. The bargain: the proof is recorded before it is spoken, because a revocation that
 * commits in between has to see it (PROTOCOL §2.1, M3).
 */
import type { Heartbeat } from "../wire/heartbeat.ts";
import { maySpeakAfter } from "./boot.ts";
import type { ChainedPosition } from "./position.ts";

/** What the control plane remembers of a replica. Times are the database's, in milliseconds. */
export interface ReplicaRow {
  /** Position as last confirmed by the replica. */
  epoch: number;
  revApplied: number;
  revEffective: number;
  /** Latest freshness proof ever given. */
  freshHiMs: number | null;
  lastSeenMs: number | null;
  /** The process that speaks for the replica now (`boot.ts`). */
  boot: string | null;
}

export interface IntakeInput {
  /** Read under the row lock of §2.1 (`FOR SHARE`), in the transaction that records the row. */
  head: ChainedPosition;
  row: ReplicaRow;
  heartbeat: Pick<Heartbeat, "boot" | "nonce" | "epoch" | "revApplied" | "revEffective" | "chain">;
  /** The chain value after `heartbeat.revApplied` of its epoch in the head's history; undefined when none is kept. */
  chainAtHeld: string | undefined;
  /** `clock_timestamp()` of the same transaction. */
  nowMs: number;
}

/** What a replica lacks: nothing, the deltas after `from` up to `to` with the epochs between them, or a snapshot. */
export type Continuation =
  | { kind: "current" }
  | { kind: "deltas"; from: number; to: number }
  | { kind: "resync"; why: "epoch" | "fork" | "pruned" };

/** In order. `record` commits before `answer` is sent. */
export type IntakeEffect =
  | { type: "record"; row: ReplicaRow }
  | {
      type: "answer";
      asOf: number;
      epoch: number;
      chain: string;
      cpTimeMs: number;
      continuation: Continuation;
    }
  /** An older process, or a copy of the replica's directory, still speaks: it gets no proof. */
  | { type: "refuse"; code: "replica_conflict" };

/** Takes one heartbeat in: the row as it will stand, and what to do, in order. */
export function takeIn(input: IntakeInput): { row: ReplicaRow; effects: IntakeEffect[] } {
  const { head, heartbeat, nowMs } = input;
  if (!maySpeakAfter(heartbeat.boot, input.row.boot)) {
    return { row: input.row, effects: [{ type: "refuse", code: "replica_conflict" }] };
  }
  const held = { epoch: heartbeat.epoch, rev: heartbeat.revApplied, chain: heartbeat.chain };
  const continuation = continuationOf(head, held, input.chainAtHeld);
  const row = recorded(input, continuation);
  const { epoch, rev: asOf, chain } = head;
  return {
    row,
    effects: [
      { type: "record", row },
      { type: "answer", asOf, epoch, chain, cpTimeMs: nowMs, continuation },
    ],
  };
}

/**
 * How somebody who holds `held` gets to `head`; also the answer to a sync request. `chainAtHeld` is of the head's own
 * history, which may have gone through several epochs: equal chains are equal histories.
 */
export function continuationOf(
  head: ChainedPosition,
  held: ChainedPosition,
  chainAtHeld: string | undefined,
): Continuation {
  if (held.epoch < head.epoch) {
    const shared = held.epoch > 0 && chainAtHeld === held.chain;
    return shared ? { kind: "deltas", from: held.rev, to: head.rev } : { kind: "resync", why: "epoch" };
  }
  if (held.epoch > head.epoch || held.rev > head.rev) return { kind: "resync", why: "fork" };
  const known = held.rev === head.rev ? head.chain : chainAtHeld;
  if (known === undefined) return { kind: "resync", why: "pruned" };
  if (known !== held.chain) return { kind: "resync", why: "fork" };
  return held.rev === head.rev ? { kind: "current" } : { kind: "deltas", from: held.rev, to: head.rev };
}

function recorded(input: IntakeInput, continuation: Continuation): ReplicaRow {
  const { row, heartbeat, nowMs } = input;
  return {
    ...confirmed(row, heartbeat, continuation),
    freshHiMs: Math.max(row.freshHiMs ?? 0, nowMs),
    lastSeenMs: Math.max(row.lastSeenMs ?? 0, nowMs),
    boot: heartbeat.boot,
  };
}

/** Late heartbeats never take a confirmation back, and one that is not on this branch of history confirms nothing. */
function confirmed(
  row: ReplicaRow,
  heartbeat: IntakeInput["heartbeat"],
  continuation: Continuation,
): Pick<ReplicaRow, "epoch" | "revApplied" | "revEffective"> {
  const { epoch, revApplied, revEffective } = row;
  if (continuation.kind === "resync" || heartbeat.epoch < epoch) return { epoch, revApplied, revEffective };
  if (heartbeat.epoch > epoch) {
    return {
      epoch: heartbeat.epoch,
      revApplied: heartbeat.revApplied,
      revEffective: heartbeat.revEffective,
    };
  }
  return {
    epoch,
    revApplied: Math.max(revApplied, heartbeat.revApplied),
    revEffective: Math.max(revEffective, heartbeat.revEffective),
  };
}
