/**
 * For property tests: one organization's history, one replica with a disk, and a wire that loses, repeats, reorders
 * and keeps everything for later. Time is a number. What a command may do is whatever an untrusted courier, a crash or
 * a paused machine could do; `violations` says what must never be true, whatever was done.
 */

import type { Delta } from "../../wire/delta.ts";
import type { Fresh } from "../../wire/heartbeat.ts";
import type { KeyRecord } from "../../wire/record.ts";
import { GENESIS_CHAIN } from "../../wire/scalars.ts";
import { ageMs, type Instant } from "../freshness.ts";
import { type ReplicaRow, takeIn } from "../intake.ts";
import { type ChainedPosition, reaches } from "../position.ts";
import { step } from "../replica.ts";
import {
  type DeltaEvent,
  emptyReplica,
  type HeartbeatCore,
  type LogEntry,
  type ReplicaEvent,
  type ReplicaStamp,
  type ReplicaState,
} from "../replica-state.ts";
import { type LoadedEntry, restore } from "../restore.ts";
import { Table } from "../table.ts";
import { changed, heightOf, type KeyChange } from "./key-changes.ts";

const ORG = "org_000000000001";
const REPLICA = "rep_000000000001";
export const KEYS = [1, 2, 3].map((n) => `key_00000000000${n}`);

/** The control plane at one position, kept for ever: what its table was, and when it came to be. */
interface Past {
  at: ChainedPosition;
  keys: ReadonlyMap<string, KeyRecord>;
  committedAtMs: number;
}

type Durable =
  | { n: number; kind: "entry"; entry: LogEntry }
  | { n: number; kind: "whole"; at: ChainedPosition; stamp: ReplicaStamp };

export class World {
  nowMs = 1_000_000;
  /** How long the replica's machine has stood still in all: its monotonic clock lacks that. */
  pausedMs = 0;
  /** Oldest first, of all epochs; the last one is the head. */
  readonly history: Past[] = [];
  readonly deltas: DeltaEvent[] = [];
  readonly answers: Fresh[] = [];
  row: ReplicaRow = {
    epoch: 0,
    revApplied: 0,
    revEffective: 0,
    freshHiMs: null,
    lastSeenMs: null,
    boot: null,
  };
  state: ReplicaState;
  starts = 1;
  nonces = 0;
  /** Handed to the disk, oldest first, and how many of them are on it. */
  written: Durable[] = [];
  onDisk = 0;
  /** The highest (generation, rank) that the replica has ever shown of a key, on disk. */
  readonly highest = new Map<string, number>();
  /** The same of what this process has held: it may be ahead of its disk, by changes that a failover takes back. */
  readonly #seen = new Map<string, number>();
  readonly born = new Set<string>();
  readonly violations: string[] = [];

  constructor() {
    this.history.push({
      at: { epoch: 1, rev: 0, chain: GENESIS_CHAIN },
      keys: new Map(),
      committedAtMs: this.nowMs,
    });
    this.state = emptyReplica({ org: ORG, replica: REPLICA, boot: "1.world" });
  }

  get head(): Past {
    return this.history.at(-1) as Past;
  }

  get instant(): Instant {
    return { wallMs: this.nowMs, monoMs: this.nowMs - this.pausedMs };
  }

  /** The control plane changes one key, by the rules that verbs keep to. */
  commit(id: string, change: KeyChange): void {
    const { at, keys } = this.head;
    // An id is random: one whose creation was lost with its commit does not come again.
    if (!keys.has(id) && this.born.has(id)) return;
    const record = changed(keys.get(id), id, change, chainOf(this.history.length));
    if (record === undefined) return;
    this.born.add(id);
    const rev = at.rev + 1;
    const chainAfter = chainOf(this.deltas.length);
    const delta: Delta = {
      v: 1,
      org: ORG,
      epoch: at.epoch,
      rev,
      prev: at.chain,
      atMs: this.nowMs,
      actor: { kind: "system", id: "", name: "" },
      action: "api-key.edit",
      restrictive: true,
      inflight: "abort",
      operation: null,
      changes: [{ op: "put", kind: "key", id, record }],
    };
    this.deltas.push({ type: "delta", delta, chainAfter, jws: String(this.deltas.length) });
    this.history.push({
      at: { epoch: at.epoch, rev, chain: chainAfter },
      keys: new Map(keys).set(id, record),
      committedAtMs: this.nowMs,
    });
  }

  /** A failover that loses the last `lost` commits and says so by a new epoch. */
  failOver(lost: number): void {
    const { at } = this.head;
    const back = this.history.findLast((past) => past.at.epoch === at.epoch && past.at.rev <= at.rev - lost);
    const { keys } = back ?? this.head;
    const position = { epoch: at.epoch + 1, rev: 0, chain: GENESIS_CHAIN };
    this.history.push({ at: position, keys, committedAtMs: this.nowMs });
    this.row = { ...this.row, freshHiMs: Math.max(this.row.freshHiMs ?? 0, this.nowMs) };
  }

  dispatch(event: ReplicaEvent): HeartbeatCore | undefined {
    const { effects } = step(this.state, event, this.instant);
    let message: HeartbeatCore | undefined;
    for (const effect of effects) {
      if (effect.type === "heartbeat") message = effect.message;
      if (effect.type === "append") this.written.push({ n: effect.n, kind: "entry", entry: effect.entry });
      if (effect.type === "replace") {
        const at = effect.token as ChainedPosition;
        this.written.push({ n: effect.n, kind: "whole", at, stamp: effect.stamp });
      }
    }
    this.check();
    return message;
  }

  /** Brings the snapshot of any moment ever. */
  deliverSnapshot(past: Past): void {
    const table = new Table();
    for (const [id, record] of past.keys) table.apply({ op: "put", kind: "key", id, record });
    this.dispatch({ type: "snapshot", org: ORG, at: past.at, table, token: past.at });
  }

  /** Asks, and lets the control plane answer; the answer may come at any time, or never, or again and again. */
  heartbeat(): void {
    const nonce = `nonce-${++this.nonces}`;
    const message = this.dispatch({ type: "beat", nonce });
    if (message === undefined) return;
    const kept = this.durablePosition();
    const spoken = { epoch: message.epoch, rev: message.revApplied };
    if (!reaches(kept, spoken)) this.violations.push("I6: spoke of a revision that is not on disk");
    const { head } = this;
    const at = this.history.find(
      (past) => past.at.epoch === message.epoch && past.at.rev === message.revApplied,
    );
    const chainAtHeld = message.epoch === head.at.epoch ? at?.at.chain : undefined;
    const input = { head: head.at, row: this.row, heartbeat: message, chainAtHeld, nowMs: this.nowMs };
    const { row, effects } = takeIn(input);
    this.row = row;
    const answer = effects.find((effect) => effect.type === "answer");
    if (answer === undefined) return;
    this.answers.push({
      v: 1,
      org: ORG,
      replica: REPLICA,
      boot: message.boot,
      nonce,
      epoch: answer.epoch,
      cpTimeMs: answer.cpTimeMs,
      asOf: answer.asOf,
      chain: answer.chain,
      deltas: [],
      resync: answer.continuation.kind === "resync",
      usageCursor: 0,
      nextHeartbeatMs: 10_000,
    });
  }

  /** The disk takes the next record; the replica hears of it, or not yet. */
  write(tell: boolean): void {
    const next = this.written[this.onDisk];
    if (next === undefined) return;
    this.onDisk += 1;
    if (tell) this.dispatch({ type: "persisted", n: next.n });
    this.remember();
  }

  /** The process ends and another one starts from what is on disk; `whole` is false when something was damaged. */
  restart(whole: boolean): void {
    this.starts += 1;
    const identity = { org: ORG, replica: REPLICA, boot: `${this.starts}.world` };
    this.written = this.written.slice(0, this.onDisk);
    const restored = restore(identity, this.entries(), whole, this.instant);
    this.state = restored.state;
    this.state.nextN = (this.written.at(-1)?.n ?? 0) + 1;
    this.#seen.clear();
    if (!whole && ageMs(this.state.proof, this.instant) !== Number.POSITIVE_INFINITY) {
      this.violations.push("I8: damaged state kept its freshness");
    }
    this.check();
  }

  /** What the disk holds, as `load` would read it. */
  entries(): LoadedEntry[] {
    const kept = this.written.slice(0, this.onDisk);
    const from = kept.findLastIndex(({ kind }) => kind === "whole");
    return kept.slice(Math.max(0, from)).flatMap((one): LoadedEntry[] => {
      if (one.kind === "entry") {
        if (one.entry.kind === "stamp") return [{ type: "stamp", stamp: one.entry.stamp }];
        return [this.deltas[Number(one.entry.jws)] as DeltaEvent];
      }
      const past = this.at(one.at) as Past;
      const table = new Table();
      for (const [id, record] of past.keys) table.apply({ op: "put", kind: "key", id, record });
      return [
        { type: "snapshot", org: ORG, at: past.at, table, token: past.at },
        { type: "stamp", stamp: one.stamp },
      ];
    });
  }

  durablePosition(): ChainedPosition {
    const identity = { org: ORG, replica: REPLICA, boot: "0.probe" };
    return restore(identity, this.entries(), true, this.instant).state.at;
  }

  at(position: ChainedPosition): Past | undefined {
    return this.history.find(({ at }) => at.epoch === position.epoch && at.rev === position.rev);
  }

  /** What is on disk is known for ever. */
  remember(): void {
    const identity = { org: ORG, replica: REPLICA, boot: "0.probe" };
    const { table } = restore(identity, this.entries(), true, this.instant).state;
    for (const record of table.keys()) {
      this.highest.set(record.id, Math.max(this.highest.get(record.id) ?? 0, heightOf(record)));
    }
  }

  check(): void {
    const { state, violations } = this;
    for (const record of state.table.keys()) {
      this.#seen.set(record.id, Math.max(this.#seen.get(record.id) ?? 0, heightOf(record)));
    }
    for (const [id, highest] of this.highest) {
      const held = state.table.key(id);
      // Dead when it was last known, it stays known as dead; alive again and then lost with its commits, it is unknown.
      const gone = held === undefined && Math.max(highest, this.#seen.get(id) ?? 0) % 3 !== 0;
      if (gone || (held !== undefined && heightOf(held) < highest)) violations.push(`I3: ${id} moved down`);
    }
    if (state.at.epoch === 0) return;
    const past = this.at(state.at);
    if (past === undefined || past.at.chain !== state.at.chain)
      violations.push("I4: a position nobody was at");
    else if (state.kept.size === 0 && !sameKeys(past.keys, state.table)) {
      violations.push(`I4: the table is not the fold of the changes up to ${state.at.epoch}.${state.at.rev}`);
    }
    this.checkAge();
  }

  /** The age is never less than how long ago the first change that is not held was committed (I2, I5). */
  checkAge(): void {
    const age = ageMs(this.state.proof, this.instant);
    const missing = this.history.find(({ at }) => !reaches(this.state.at, at));
    if (missing === undefined) return;
    const sinceMs = this.nowMs - missing.committedAtMs;
    if (age < sinceMs) this.violations.push(`I5: age ${age} although a change is ${sinceMs} ms old`);
  }
}

function chainOf(n: number): string {
  return `c${n}`.padEnd(43, "_");
}

function sameKeys(expected: ReadonlyMap<string, KeyRecord>, table: Table): boolean {
  const held = new Map([...table.keys()].map((record) => [record.id, record]));
  return (
    expected.size === held.size &&
    [...expected].every(([id, record]) => JSON.stringify(held.get(id)) === JSON.stringify(record))
  );
}
