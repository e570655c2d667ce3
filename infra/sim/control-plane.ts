/**
 * The control plane as far as the protocol goes: one row lock, transactions that take time, and the real cores for
 * heartbeat intake and barrier. Signatures and hashes are faked; a delta's identity stands for its bytes.
 */
import { type BarrierOperation, type BarrierReplica, operationView } from "@claviger/shared/sync/barrier";
import { continuationOf, type ReplicaRow, takeIn } from "@claviger/shared/sync/intake";
import type { OperationView } from "@claviger/shared/sync/operation";
import { type ChainedPosition, type Position, reaches } from "@claviger/shared/sync/position";
import type { DeltaEvent, HeartbeatCore } from "@claviger/shared/sync/replica-state";
import type { Fresh } from "@claviger/shared/wire/heartbeat";
import type { Change, KeyRecord } from "@claviger/shared/wire/record";
import {
  byId,
  chainAt,
  copyOf,
  type Database,
  deltaOf,
  emptyRow,
  epochOf,
  type Step,
  stepsAfter,
} from "./database.ts";
import { type Edit, firstRecords, ORG, put } from "./keys.ts";
import { RowLock } from "./row-lock.ts";
import type { World } from "./world.ts";

/** One committed version of a key and where in history it starts. */
export interface Version {
  readonly at: Position;
  readonly record: KeyRecord;
}

export interface Operation extends BarrierOperation {
  readonly keyId: string;
}

/** What a snapshot is when nobody signs it. */
export interface Image {
  readonly at: ChainedPosition;
  readonly records: readonly Change[];
}

export type SyncReply = { steps: readonly Step[] } | { image: Image };

export interface ControlPlanePorts {
  publish(step: Step): void;
}

/** A delta answer holds at most this many. */
const DELTAS_MAX = 6;

export class ControlPlane {
  up = true;
  readonly operations: Operation[] = [];
  /** Every version of every key that was ever committed, lost ones included. */
  readonly timeline = new Map<string, Version[]>();
  readonly #world: World;
  readonly #ports: ControlPlanePorts;
  readonly #replicas: readonly string[];
  readonly #images: Database[] = [];
  readonly #everyStep = new Map<string, Step>();
  #db: Database;
  #lock = new RowLock();
  #incarnation = 0;
  #clockOffsetMs: number;
  #nextDelta = 0;

  constructor(world: World, replicas: readonly string[], keys: number, ports: ControlPlanePorts) {
    this.#world = world;
    this.#ports = ports;
    this.#replicas = replicas;
    this.#clockOffsetMs = world.between(-700, 700);
    const at = { epoch: 1, rev: 1, chain: "chain-1.1" };
    const first = firstRecords(keys);
    this.#db = { head: at, records: byId(first), deltas: [], epochs: [], rows: new Map() };
    for (const replica of replicas) this.#db.rows.set(replica, emptyRow());
    for (const change of first) this.#remember(change, at);
  }

  /** The database's clock, in milliseconds. */
  nowMs(): number {
    return 1_000_000 + this.#world.nowMs + this.#clockOffsetMs;
  }

  /** The latest proof that a revocation would see, in milliseconds of the database's clock. */
  provedUntilMs(replica: string): number | null {
    return this.#db.rows.get(replica)?.freshHiMs ?? null;
  }

  /** A message by its identity, as anybody who kept its bytes can read it again. */
  message(jws: string): Step {
    const step = this.#everyStep.get(jws);
    if (step === undefined) throw new Error(`nobody ever signed ${jws}`);
    return step;
  }

  everyDelta(): DeltaEvent[] {
    return [...this.#everyStep.values()].filter((step) => step.type === "delta");
  }

  get head(): ChainedPosition {
    return this.#db.head;
  }

  keys(): KeyRecord[] {
    const keys = [...this.#db.records.values()];
    return keys.flatMap((change) => (change.op === "put" && change.kind === "key" ? [change.record] : []));
  }

  /** One change: waits for the lock, reads what is there and the clock, commits, publishes. */
  change(decide: () => Edit | undefined): void {
    if (!this.up) return;
    const incarnation = this.#incarnation;
    this.#lock.exclusive(() => {
      const edit = decide();
      const committedAtMs = this.nowMs();
      this.#world.after(this.#world.between(2, 60), () => {
        if (incarnation !== this.#incarnation) return;
        if (edit !== undefined) this.#commit(edit, committedAtMs);
        this.#lock.releaseExclusive();
      });
    });
  }

  /** A heartbeat arrives; `answer` sends a reply towards the replica. */
  heartbeat(replica: string, message: HeartbeatCore, answer: (fresh: Fresh, steps: readonly Step[]) => void) {
    if (!this.up) return;
    const incarnation = this.#incarnation;
    this.#lock.shared(replica, (release) => {
      const head = this.#db.head;
      const row = this.#db.rows.get(replica) ?? emptyRow();
      const nowMs = Math.floor(this.nowMs());
      const { effects } = takeIn({
        head,
        row,
        heartbeat: message,
        chainAtHeld: chainAt(this.#db, message.epoch, message.revApplied),
        nowMs,
      });
      const queue = [...effects];
      const next = (): void => {
        if (incarnation !== this.#incarnation) return;
        const effect = queue.shift();
        if (effect === undefined) return release();
        if (effect.type === "refuse") return next();
        if (effect.type === "answer") {
          const { asOf, epoch, chain, cpTimeMs, continuation } = effect;
          const missing =
            continuation.kind === "deltas" ? stepsAfter(this.#db, message.epoch, message.revApplied) : [];
          const steps = this.#world.chance(0.5) ? missing.slice(0, DELTAS_MAX) : [];
          answer(
            {
              v: 1,
              org: ORG,
              replica,
              boot: message.boot,
              nonce: message.nonce,
              epoch,
              cpTimeMs,
              asOf,
              chain,
              deltas: [],
              resync: continuation.kind === "resync",
              usageCursor: 0,
              nextHeartbeatMs: 10_000,
            },
            steps,
          );
          return next();
        }
        this.#world.after(this.#commitMs(), () => {
          if (incarnation !== this.#incarnation) return;
          this.#db.rows.set(replica, effect.row);
          next();
        });
      };
      next();
    });
  }

  sync(held: ChainedPosition, whole: boolean, answer: (reply: SyncReply) => void): void {
    if (!this.up) return;
    const next = continuationOf(this.#db.head, held, chainAt(this.#db, held.epoch, held.rev));
    if (whole || next.kind === "resync") answer({ image: this.image() });
    else if (next.kind === "deltas")
      answer({ steps: stepsAfter(this.#db, held.epoch, held.rev).slice(0, 40) });
  }

  image(): Image {
    return { at: this.#db.head, records: [...this.#db.records.values()] };
  }

  view(operation: Operation): OperationView {
    const replicas = this.#replicas.map((replica): BarrierReplica => {
      const row = this.#db.rows.get(replica) ?? emptyRow();
      return {
        gatewayId: replica,
        name: replica,
        replica,
        enrolledAtMs: 0,
        ...row,
        stalenessSecondsHi: this.#stalenessHi(operation.keyId, row),
        confirmedAtMs: null,
        aborted: 0,
      };
    });
    return operationView(operation, replicas, this.nowMs());
  }

  crash(forMs: number): void {
    this.#stop();
    this.#world.after(forMs, () => {
      this.up = true;
    });
  }

  /** The standby takes over: another clock, a new epoch; with `lossMs`, a past that knows nothing of the latest commits. */
  failover(forMs: number, lossy: boolean): void {
    this.#stop();
    this.#world.after(forMs, () => {
      this.#stop();
      this.up = true;
      this.#clockOffsetMs = this.#world.between(-700, 700);
      const back = Math.floor(this.#world.between(1, 5));
      const image = this.#images.at(-back - 1);
      if (lossy && image !== undefined) this.#db = copyOf(image);
      const { head, rows } = this.#db;
      const epoch = epochOf(head);
      this.#db.head = epoch.at;
      this.#db.epochs.push(epoch);
      // Now and then what went before is no longer kept.
      if (this.#world.chance(0.3)) this.#db.deltas = [];
      this.#everyStep.set(epoch.jws, epoch);
      // The new clock may be behind the old one: what was given stays given.
      for (const [replica, row] of rows) {
        rows.set(replica, { ...row, freshHiMs: Math.max(row.freshHiMs ?? 0, this.nowMs()) });
      }
      for (const change of this.#db.records.values()) this.#remember(change, this.#db.head);
      this.#ports.publish(epoch);
    });
  }

  #stop(): void {
    this.up = false;
    this.#incarnation++;
    this.#lock = new RowLock();
  }

  #commit({ record, effect }: Edit, committedAtMs: number): void {
    const { head } = this.#db;
    this.#images.push(copyOf(this.#db));
    if (this.#images.length > 8) this.#images.shift();
    const id = ++this.#nextDelta;
    const delta = deltaOf(id, head, put(record), { effect, committedAtMs });
    const { epoch, rev } = delta.delta;
    const at = { epoch, rev, chain: delta.chainAfter };
    const change = put(record);
    this.#db.head = at;
    this.#db.records.set(record.id, change);
    this.#db.deltas.push(delta);
    this.#everyStep.set(delta.jws, delta);
    this.#remember(change, at);
    this.operations.push({
      id: `op-${id}`,
      effect,
      epoch,
      rev,
      committedAtMs,
      keyId: record.id,
    });
    this.#ports.publish(delta);
  }

  #remember(change: Change, at: Position): void {
    if (change.op !== "put" || change.kind !== "key") return;
    const versions = this.timeline.get(change.id) ?? [];
    versions.push({ at, record: change.record });
    this.timeline.set(change.id, versions);
  }

  /** The longest of the versions that the replica may hold: the one in force where it stands, and all later ones. */
  #stalenessHi(keyId: string, row: ReplicaRow): number {
    const stands = { epoch: row.epoch, rev: row.revEffective };
    const versions = this.timeline.get(keyId) ?? [];
    const inForce = versions.findLastIndex(({ at }) => reaches(stands, at));
    const possible = versions.slice(Math.max(0, inForce));
    return Math.max(
      0,
      ...possible.map(({ record }) => (record.status === "active" ? record.maxStalenessSeconds : 0)),
    );
  }

  #commitMs(): number {
    return this.#world.chance(0.1) ? this.#world.between(200, 2_500) : this.#world.between(1, 30);
  }
}
