/**
 * Ephemeral tokens that were killed by themselves, and that the control plane's history has lost since. The bargain: what
 * was confirmed as refused stays refused over a loss of commits and over a restart, until the token is over by the control
 * plane's own clock; so there are never more of them than were killed within one token's life.
 */
import type { Tomb } from "../wire/heartbeat.ts";
import type { DeniedTokenRecord } from "../wire/record.ts";
import { isDead } from "./fold-key.ts";
import type { Position } from "./position.ts";
import type { ReplicaState } from "./replica-state.ts";
import type { Table } from "./table.ts";

/** A denial outlives its token by this, in milliseconds: a gateway's clock may be behind the control plane's. */
export const DENIAL_AFTER_MS = 3_600_000;

/**
 * Carries into `next`, which is to replace the table, what it lacks. Within one history that goes on, the control plane
 * has forgotten a denial by itself; of another epoch, or after a fork, it has lost it.
 */
export function keepDenials(state: ReplicaState, next: Table, at: Position): void {
  const otherHistory = at.epoch !== state.at.epoch || state.forked;
  for (const record of state.table.denials()) {
    if (next.denied(record.id)) state.denials.delete(record.id);
    else if (otherHistory || state.denials.has(record.id)) keepDenial(state, next, record);
  }
}

/** Refuses this token in `table` although the history does not. */
export function keepDenial(state: ReplicaState, table: Table, record: DeniedTokenRecord): void {
  table.apply({ op: "put", kind: "deny_jti", id: record.id, record });
  state.denials.set(record.id, record);
}

/** Ends those whose tokens have been over for long, by the control plane's clock alone. */
export function forgetDenials(state: ReplicaState, cpTimeMs: number): void {
  for (const { id, expiresAtMs } of state.denials.values()) {
    if (cpTimeMs < expiresAtMs + DENIAL_AFTER_MS) continue;
    state.denials.delete(id);
    state.table.apply({ op: "del", kind: "deny_jti", id });
  }
}

/** What the control plane has to take back: a token whose parent it does not have, or has as dead, is nobody's already. */
export function* deniedTombs(state: ReplicaState): IterableIterator<Tomb> {
  for (const { id, keyId, expiresAtMs } of state.denials.values()) {
    const parent = state.table.key(keyId);
    if (parent !== undefined && !isDead(parent)) yield { id, status: "denied", keyId, expiresAtMs };
  }
}
