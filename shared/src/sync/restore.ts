/**
 * A replica after a restart: the same fold over what it had written, and its freshness only if all of it is there.
 * The bargain: what was damaged can still refuse, and admits nothing until the control plane has spoken (I8).
 */
import { keepDenial } from "./denials.ts";
import { coldProof, type Instant, UNMEASURED } from "./freshness.ts";
import { step } from "./replica.ts";
import {
  type DeltaEvent,
  type EpochEvent,
  emptyReplica,
  type Identity,
  type ReplicaEffect,
  type ReplicaStamp,
  type ReplicaState,
  type SnapshotEvent,
  type UnreadableEvent,
} from "./replica-state.ts";

type AuditEffect = Extract<ReplicaEffect, { type: "audit" }>;

/** What was on disk, verified and decoded again, oldest first. */
export type LoadedEntry =
  | SnapshotEvent
  | DeltaEvent
  | EpochEvent
  | UnreadableEvent
  | { readonly type: "stamp"; readonly stamp: ReplicaStamp };

/**
 * The state that `entries` make, all of it durable, and the audit entries that the log may still lack. `whole` is
 * false when any part was missing, did not verify, or came from an older generation.
 */
export function restore(
  identity: Identity,
  entries: Iterable<LoadedEntry>,
  whole: boolean,
  now: Instant,
): { state: ReplicaState; effects: AuditEffect[]; whole: boolean } {
  const state = emptyReplica(identity);
  let stamp: ReplicaStamp | undefined;
  let unbroken = whole;
  for (const entry of entries) {
    if (entry.type === "stamp") {
      stamp = entry.stamp;
      for (const record of stamp.kept) {
        // What the signed history says of it, before the stamp is laid over it.
        const otherwise = state.table.key(record.id) !== undefined && !state.kept.has(record.id);
        if (otherwise) state.disputed.add(record.id);
        state.table.keepKey(record);
        state.kept.set(record.id, record);
      }
      for (const record of stamp.denials) keepDenial(state, state.table, record);
      continue;
    }
    const { effects } = step(state, entry, now);
    if (!effects.some(({ type }) => type === "append" || type === "replace")) unbroken = false;
  }
  if (state.forked) unbroken = false;
  state.audited = stamp?.audited ?? state.audited;
  const effects = unaudited(state);
  state.durable = state.at;
  state.pending = [];
  state.buffer.clear();
  state.clock = stamp?.clock ?? UNMEASURED;
  state.proof = unbroken ? coldProof(stamp, now) : undefined;
  return { state, effects, whole: unbroken };
}

function unaudited(state: ReplicaState): AuditEffect[] {
  const { epoch, rev } = state.audited;
  const entries = state.pending.flatMap(({ audit, at }) => {
    const known = at.epoch < epoch || (at.epoch === epoch && at.rev <= rev);
    return audit === undefined || known ? [] : [audit];
  });
  return entries.length > 0 ? [{ type: "audit", entries, upTo: state.at }] : [];
}
