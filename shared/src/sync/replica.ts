/**
 * How a replica follows its organization's history (PROTOCOL §2.4). The bargain: changes land in order or not at all,
 * only what is on disk is spoken of, and whatever is not understood takes away and never gives.
 */

import type { Change } from "../wire/record.ts";
import { abortBetween, abortOf } from "./abort.ts";
import { keepDenials } from "./denials.ts";
import { fork } from "./fork.ts";
import type { Instant } from "./freshness.ts";
import type { ChainedPosition } from "./position.ts";
import { beat, heartbeatFailed, onFresh } from "./replica-answer.ts";
import {
  type CompactedEvent,
  type DeltaEvent,
  type EpochEvent,
  type ReplicaEffect,
  type ReplicaEvent,
  type ReplicaState,
  type SnapshotEvent,
  stampOf,
  type UnreadableEvent,
} from "./replica-state.ts";
import { isKeyChange } from "./table.ts";
import { countLost, keepTombstones } from "./tombstones.ts";

/** Deltas that came too early and are kept; more are fetched again. */
export const BUFFER_MAX = 256;

/** Revisions whose chain value is remembered, to compare with proofs that speak of an earlier one. */
const CHAINS_MAX = 2_048;

/** The one transition. `state` is changed in place and belongs to whoever called. */
export function step(
  state: ReplicaState,
  event: ReplicaEvent,
  now: Instant,
): { state: ReplicaState; effects: ReplicaEffect[] } {
  return { state, effects: effectsOf(state, event, now) };
}

function effectsOf(state: ReplicaState, event: ReplicaEvent, now: Instant): ReplicaEffect[] {
  switch (event.type) {
    case "delta":
      return onDelta(state, event);
    case "epoch":
      return onEpoch(state, event);
    case "unreadable":
      return onUnreadable(state, event);
    case "snapshot":
      return onSnapshot(state, event);
    case "compacted":
      return onCompacted(state, event);
    case "refused":
      state.nack ??= event.nack;
      return [{ type: "alarm", code: "unsupported" }, { type: "speak" }];
    case "fresh":
      return onFresh(state, event.fresh, now);
    case "persisted":
      return onPersisted(state, event.n);
    case "beat":
      return beat(state, event.nonce, now);
    case "heartbeat-failed":
      return heartbeatFailed(state, event.nonce, now);
    case "aborted":
      state.aborted.set(event.rev, (state.aborted.get(event.rev) ?? 0) + event.n);
      return [];
    case "audited":
      state.audited = event.at;
      return [];
  }
}

function onDelta(state: ReplicaState, event: DeltaEvent): ReplicaEffect[] {
  const { delta } = event;
  if (delta.org !== state.identity.org) return [{ type: "dropped", code: "wrong_org" }];
  if (delta.epoch < state.at.epoch) return [{ type: "dropped", code: "old_epoch" }];
  if (delta.epoch > state.at.epoch) return [sync(state)];
  if (delta.rev <= state.at.rev) return [{ type: "dropped", code: "duplicate" }];
  if (state.forked) return [{ type: "dropped", code: "fork" }];
  if (delta.rev > state.at.rev + 1) {
    if (state.buffer.has(delta.rev)) return [{ type: "dropped", code: "duplicate" }, sync(state)];
    if (state.buffer.size < BUFFER_MAX) state.buffer.set(delta.rev, event);
    return [sync(state)];
  }
  return applyAndDrain(state, event);
}

/**
 * The same history goes on under a higher epoch: all that is held stays, its proof and its tombstones too. What was
 * waiting or could not be read was of a future that the lower epoch no longer has.
 */
function onEpoch(state: ReplicaState, { org, continues, at, jws }: EpochEvent): ReplicaEffect[] {
  if (org !== state.identity.org) return [{ type: "dropped", code: "wrong_org" }];
  if (at.epoch <= state.at.epoch) return [{ type: "dropped", code: "old_epoch" }];
  const held = continues === state.at.epoch && at.rev === state.at.rev && at.chain === state.at.chain;
  // What an unreadable delta has closed here can only be opened by a table of the new epoch.
  const whole = state.forked || state.unread.size > 0;
  if (!held || whole)
    return [
      { type: "dropped", code: "behind" },
      { ...sync(state), whole },
    ];
  state.buffer.clear();
  state.nack = undefined;
  advance(state, at);
  const n = state.nextN++;
  state.pending.push({ n, at, abort: undefined, audit: undefined });
  return [{ type: "append", n, entry: { kind: "delta", jws } }];
}

/** Applies what comes next, and what was waiting for it. */
function applyAndDrain(state: ReplicaState, first: DeltaEvent | undefined): ReplicaEffect[] {
  const effects: ReplicaEffect[] = [];
  let next = first ?? takeBuffered(state);
  while (next !== undefined) {
    if (next.delta.prev !== state.at.chain) return [...effects, ...fork(state, next.delta.rev)];
    effects.push(apply(state, next));
    next = takeBuffered(state);
  }
  return effects;
}

function takeBuffered(state: ReplicaState): DeltaEvent | undefined {
  const rev = state.at.rev + 1;
  const event = state.buffer.get(rev);
  state.buffer.delete(rev);
  return event;
}

function apply(state: ReplicaState, event: DeltaEvent): ReplicaEffect {
  const { delta, chainAfter, jws } = event;
  for (const change of delta.changes) applyChange(state, change);
  advance(state, { epoch: delta.epoch, rev: delta.rev, chain: chainAfter });
  const n = state.nextN++;
  state.pending.push({
    n,
    at: state.at,
    abort: abortOf(delta),
    audit: {
      kind: "change",
      epoch: delta.epoch,
      rev: delta.rev,
      action: delta.action,
      actor: delta.actor,
      ...(delta.reason === undefined ? {} : { reason: delta.reason }),
      ids: delta.changes.map((change) => change.id),
    },
  });
  return { type: "append", n, entry: { kind: "delta", jws } };
}

function applyChange(state: ReplicaState, change: Change): void {
  const kept = state.table.apply(change);
  if (change.kind === "deny_jti") state.denials.delete(change.id);
  if (!isKeyChange(change)) return;
  if (kept === undefined) {
    state.kept.delete(change.id);
    state.disputed.delete(change.id);
  } else {
    state.kept.set(change.id, kept);
    state.disputed.add(change.id);
  }
}

function advance(state: ReplicaState, at: ChainedPosition): void {
  state.at = at;
  state.table.configured = true;
  state.table.epoch = at.epoch;
  state.table.rev = at.rev;
  state.chains.set(at.rev, at.chain);
  state.chains.delete(at.rev - CHAINS_MAX);
  if (state.nack !== undefined && at.rev >= state.nack.rev) state.nack = undefined;
  for (const [id, rev] of state.closed) {
    if (at.rev >= rev) state.closed.delete(id);
    else state.table.close(id);
  }
  for (const rev of state.unread.keys()) if (at.rev >= rev) state.unread.delete(rev);
}

function onUnreadable(state: ReplicaState, event: UnreadableEvent): ReplicaEffect[] {
  if (event.org !== state.identity.org) return [{ type: "dropped", code: "wrong_org" }];
  if (event.epoch < state.at.epoch) return [{ type: "dropped", code: "old_epoch" }];
  if (event.epoch > state.at.epoch) return [sync(state)];
  if (event.rev <= state.at.rev) return [{ type: "dropped", code: "duplicate" }];
  const effects: ReplicaEffect[] = [{ type: "dropped", code: "unsupported" }];
  if (state.nack !== undefined && state.nack.rev <= event.rev && !event.restrictive) return effects;
  if (state.nack === undefined || event.rev < state.nack.rev) {
    state.nack = { rev: event.rev, code: event.code, detail: event.detail };
    effects.push({ type: "alarm", code: "unsupported" }, { type: "speak" });
  }
  if (!event.restrictive || state.unread.has(event.rev)) return effects;
  state.unread.set(event.rev, event.jws);
  for (const id of [...event.keyIds, ...event.providerIds, ...event.tokenIds]) {
    state.closed.set(id, Math.max(event.rev, state.closed.get(id) ?? 0));
    state.table.close(id);
  }
  const n = state.nextN++;
  const abort = {
    epoch: event.epoch,
    rev: event.rev,
    keyIds: new Set(event.keyIds),
    providerIds: new Set(event.providerIds),
    tokenIds: new Set(event.tokenIds),
    projectIds: new Set<string>(),
    mcpServerIds: new Set<string>(),
    everything: false,
  };
  state.pending.push({ n, at: state.at, abort, audit: undefined });
  return [...effects, { type: "append", n, entry: { kind: "delta", jws: event.jws } }];
}

function onSnapshot(state: ReplicaState, event: SnapshotEvent): ReplicaEffect[] {
  const { at } = event;
  if (event.org !== state.identity.org) return [{ type: "dropped", code: "wrong_org" }];
  if (at.epoch < state.at.epoch) return [{ type: "dropped", code: "old_epoch" }];
  const onward = at.epoch > state.at.epoch || at.rev > state.at.rev;
  if (!onward && !state.forked) return [{ type: "dropped", code: "stale_snapshot" }];
  const lost =
    at.epoch > state.at.epoch || state.forked ? 0 : countLost(state.table, event.table, state.kept);
  if (lost > 0) return shrunk(state, at.rev, lost);
  // Back on one's own history only after a fork, and then without the right to admit by what was held before.
  if (!onward) state.proof = undefined;
  const before = state.table;
  const from = state.at;
  state.kept.clear();
  state.disputed.clear();
  const { kept, disputed } = keepTombstones(before, event.table);
  for (const record of kept) state.kept.set(record.id, record);
  for (const id of disputed) state.disputed.add(id);
  keepDenials(state, event.table, at);
  state.table = event.table;
  state.forked = false;
  state.chains.clear();
  if (at.epoch !== from.epoch) {
    state.buffer.clear();
    state.closed.clear();
    state.unread.clear();
  }
  for (const rev of state.buffer.keys()) if (rev <= at.rev) state.buffer.delete(rev);
  state.nack = undefined;
  advance(state, at);
  const n = state.nextN++;
  const abort = abortBetween(before, event.table, at);
  const audit = { kind: "snapshot", epoch: at.epoch, fromRev: from.rev, toRev: at.rev } as const;
  state.pending.push({ n, at, abort, audit });
  // What closes keys past this snapshot has to be on disk with it, or a restart would open them.
  const deltas = [...state.unread].sort(([a], [b]) => a - b).map(([, jws]) => jws);
  return [
    { type: "replace", n, token: event.token, deltas, stamp: stampOf(state) },
    ...applyAndDrain(state, undefined),
  ];
}

/**
 * Keys never leave a history, the dead ones stay as tombstones. A snapshot that lacks some is somebody's mistake, and
 * what is held is better; it grows old like everything that nobody proves. It is fetched again and again, and said once.
 */
function shrunk(state: ReplicaState, rev: number, lost: number): ReplicaEffect[] {
  const detail = `the snapshot at revision ${rev} lacks ${lost} of ${state.table.keyCount} keys`;
  const dropped = { type: "dropped", code: "shrunk" } as const;
  if (state.nack !== undefined) return [dropped];
  state.nack = { rev, code: "unsupported", detail };
  return [{ type: "alarm", code: "shrink" }, dropped, { type: "speak" }];
}

function onCompacted(state: ReplicaState, event: CompactedEvent): ReplicaEffect[] {
  const { at, deltas } = event;
  const ours = at.epoch === state.at.epoch && state.chains.get(at.rev) === at.chain;
  const gapless =
    deltas.every(({ rev }, i) => rev === at.rev + 1 + i) && at.rev + deltas.length === state.at.rev;
  if (!ours || !gapless || state.forked || state.unread.size > 0) {
    return [{ type: "dropped", code: "stale_snapshot" }];
  }
  const n = state.nextN++;
  state.pending.push({ n, at: state.at, abort: undefined, audit: undefined });
  const stamp = stampOf(state);
  return [{ type: "replace", n, token: event.token, deltas: deltas.map(({ jws }) => jws), stamp }];
}

/** Persist, then speak: only now does a change count, end requests and enter the audit. */
function onPersisted(state: ReplicaState, n: number): ReplicaEffect[] {
  const done = state.pending.filter((one) => one.n <= n);
  if (done.length === 0) return [];
  state.pending = state.pending.filter((one) => one.n > n);
  const before = state.durable;
  state.durable = done.at(-1)?.at ?? before;
  const aborts = done.flatMap(({ abort }): ReplicaEffect[] => (abort ? [{ type: "abort", abort }] : []));
  const entries = done.flatMap(({ audit }) => audit ?? []);
  const moved = before.rev !== state.durable.rev || before.epoch !== state.durable.epoch;
  return [
    ...aborts,
    ...(moved || aborts.length > 0 ? [{ type: "speak" } as const] : []),
    ...(entries.length > 0 ? [{ type: "audit", entries, upTo: state.durable } as const] : []),
  ];
}

function sync(state: ReplicaState): Extract<ReplicaEffect, { type: "sync" }> {
  return { type: "sync", from: state.at, whole: false };
}
