/**
 * A machine with a replica on it: two clocks that disagree with everybody's, a disk that is slower than memory, and a
 * process that may crash or stand still at any moment. The rules it follows are the real ones (`shared/src/sync`).
 */
import { admitKey, type KeyDecision } from "@claviger/shared/decide/admit";
import { bootOf } from "@claviger/shared/sync/boot";
import { ageMs, correctedNowMs, type Instant } from "@claviger/shared/sync/freshness";
import { type Position, reaches } from "@claviger/shared/sync/position";
import { step } from "@claviger/shared/sync/replica";
import {
  emptyReplica,
  type ReplicaEffect,
  type ReplicaEvent,
  type ReplicaState,
} from "@claviger/shared/sync/replica-state";
import { restore } from "@claviger/shared/sync/restore";
import type { ControlPlane, Image } from "./control-plane.ts";
import { type Disk, damaged, emptyDisk, entriesOf, tableOf, type Write, written } from "./disk.ts";
import { ORG } from "./keys.ts";
import type { Network } from "./network.ts";
import type { World } from "./world.ts";

const HEARTBEAT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 3_000;

export interface HostFaults {
  /** A crash may lose the wall clock's time, and it comes back wrong. */
  readonly clock: boolean;
  /** A restart may find its newest generation damaged. */
  readonly damage: boolean;
}

/** What the oracle is told. */
export interface Witness {
  spoke(host: ReplicaHost, said: Position, onDisk: Position): void;
  proved(host: ReplicaHost, cpTimeMs: number): void;
  restarted(host: ReplicaHost, damaged: boolean): void;
}

export class ReplicaHost {
  readonly name: string;
  state: ReplicaState | undefined;
  readonly #world: World;
  readonly #network: Network;
  readonly #controlPlane: ControlPlane;
  readonly #witness: Witness;
  readonly #faults: HostFaults;
  #disk: Disk = emptyDisk();
  #incarnation = 0;
  #wallOffsetMs: number;
  #monoRate: number;
  #monoStartMs = 0;
  #stoodStillMs = 0;
  #wakesAtMs = 0;
  #writes: Write[] = [];
  #nonces = 0;
  /** On disk, before anything is said. */
  #starts = 0;
  #speakSoon = false;

  constructor(
    name: string,
    world: World,
    network: Network,
    cp: ControlPlane,
    witness: Witness,
    faults: HostFaults,
  ) {
    this.name = name;
    this.#world = world;
    this.#network = network;
    this.#controlPlane = cp;
    this.#witness = witness;
    this.#faults = faults;
    this.#wallOffsetMs = world.between(-14_000, 14_000);
    this.#monoRate = world.between(0.991, 1.009);
  }

  get running(): boolean {
    return this.state !== undefined && !this.#frozen;
  }

  get #frozen(): boolean {
    return this.#world.nowMs < this.#wakesAtMs;
  }

  now(): Instant {
    const t = this.#world.nowMs;
    return {
      wallMs: Math.floor(1_000_000 + t + this.#wallOffsetMs),
      monoMs: (t - this.#monoStartMs - this.#stoodStillMs) * this.#monoRate,
    };
  }

  boot(): void {
    const incarnation = ++this.#incarnation;
    this.#starts++;
    this.#monoStartMs = this.#world.nowMs;
    this.#stoodStillMs = 0;
    const identity = { org: ORG, replica: this.name, boot: bootOf(this.#starts, "simulated") };
    const disk = this.#disk;
    if (disk.current.length === 0) {
      this.state = emptyReplica(identity);
    } else {
      const breaks = this.#faults.damage && disk.previous.length > 0 && this.#world.chance(0.3);
      if (breaks) this.#disk = damaged(disk);
      const whole = !this.#disk.outdated;
      const restored = restore(identity, entriesOf(this.#disk.current), whole, this.now());
      this.state = restored.state;
      this.#witness.restarted(this, !whole);
    }
    const beats = (): void => {
      if (incarnation !== this.#incarnation) return;
      this.#whenAwake(incarnation, () => {
        this.#beat();
        this.#world.after(this.#world.between(0.8, 1.2) * HEARTBEAT_MS, beats);
      });
    };
    this.#world.after(this.#world.between(0, 300), beats);
  }

  crash(forMs: number): void {
    if (this.state === undefined) return;
    this.state = undefined;
    this.#incarnation++;
    this.#writes = [];
    this.#speakSoon = false;
    this.#world.after(forMs, () => {
      // Inside A2: within 30 s of the control plane, whatever it was before.
      this.#wallOffsetMs = this.#world.between(-14_000, 14_000);
      if (this.#faults.clock && this.#world.chance(0.4)) {
        this.#wallOffsetMs -= 3_600_000;
        this.#world.after(this.#world.between(20_000, 60_000), () => {
          this.#wallOffsetMs = Math.max(this.#wallOffsetMs, this.#world.between(-14_000, 14_000));
        });
      }
      this.boot();
    });
  }

  /** The machine stands still: its monotonic clock too, the wall clock not. */
  freeze(forMs: number): void {
    if (this.state === undefined || this.#frozen) return;
    this.#wakesAtMs = this.#world.nowMs + forMs;
    this.#stoodStillMs += forMs;
  }

  /** A request with this secret, now. undefined when nobody is there to answer. */
  admit(hash: string): KeyDecision | undefined {
    const { state } = this;
    if (state === undefined || this.#frozen) return undefined;
    const now = this.now();
    const freshness = { ageMs: ageMs(state.proof, now), nowMs: correctedNowMs(state.clock, now) };
    return admitKey(state.table, freshness, { hash, gatewayId: this.name, ip: undefined }, true);
  }

  /** A message from outside; it waits while the machine stands still. */
  receive(event: () => ReplicaEvent): void {
    const incarnation = this.#incarnation;
    this.#whenAwake(incarnation, () => this.#step(event()));
  }

  /** Asks for a snapshot in order to shorten the log, as a replica with a long one does. */
  compact(): void {
    if (this.running) this.#requestSync(true, (image) => this.#compaction(image));
  }

  #step(event: ReplicaEvent): void {
    if (this.state === undefined) return;
    const { effects } = step(this.state, event, this.now());
    for (const effect of effects) this.#carryOut(this.state, effect);
  }

  #carryOut(state: ReplicaState, effect: ReplicaEffect): void {
    switch (effect.type) {
      case "append":
      case "replace":
        this.#write({ effect, at: state.pending.find(({ n }) => n === effect.n)?.at ?? state.at });
        return;
      case "heartbeat": {
        const said = { epoch: effect.message.epoch, rev: effect.message.revApplied };
        this.#witness.spoke(this, said, this.#disk.durable);
        const { message } = effect;
        this.#network.send(this.name, "cp", () => {
          this.#controlPlane.heartbeat(this.name, message, (fresh, steps) => {
            for (const step of steps) this.#network.send("cp", this.name, () => this.receive(() => step));
            this.#network.send("cp", this.name, () => this.receive(() => ({ type: "fresh", fresh })));
          });
        });
        return;
      }
      case "speak":
        if (this.#speakSoon) return;
        this.#speakSoon = true;
        this.#after(5, () => {
          this.#speakSoon = false;
          this.#beat();
        });
        return;
      case "answered":
        this.#witness.proved(this, effect.fresh.cpTimeMs);
        return;
      case "sync":
        this.#requestSync(effect.whole);
        return;
      default:
        return;
    }
  }

  #beat(): void {
    const nonce = `n${this.#incarnation}-${++this.#nonces}`;
    this.#step({ type: "beat", nonce });
    this.#after(ANSWER_TIMEOUT_MS, () => this.#step({ type: "heartbeat-failed", nonce }));
  }

  #requestSync(whole: boolean, use: (image: Image) => ReplicaEvent = snapshotEvent): void {
    const held = this.state?.at;
    if (held === undefined) return;
    this.#network.send(this.name, "cp", () => {
      this.#controlPlane.sync(held, whole, (reply) => {
        if ("image" in reply) {
          const { image } = reply;
          const deliver = () => this.receive(() => use(image));
          this.#network.sendSnapshot("cp", this.name, deliver);
        } else {
          for (const step of reply.steps) this.#network.send("cp", this.name, () => this.receive(() => step));
        }
      });
    });
  }

  /** A snapshot that is not ahead serves to shorten the log. */
  #compaction(image: Image): ReplicaEvent {
    const { state } = this;
    if (state === undefined || !reaches(state.at, image.at)) return snapshotEvent(image);
    const deltas = this.#controlPlane
      .everyDelta()
      .flatMap(({ delta: { epoch, rev }, jws }) =>
        epoch === image.at.epoch && rev > image.at.rev && rev <= state.at.rev ? [{ rev, jws }] : [],
      );
    return { type: "compacted", at: image.at, token: image, deltas };
  }

  #write(write: Write): void {
    this.#writes.push(write);
    if (this.#writes.length === 1) this.#flush();
  }

  /** One write at a time reaches the disk; a crash before that loses it. */
  #flush(): void {
    const incarnation = this.#incarnation;
    const delayMs = this.#world.chance(0.05) ? this.#world.between(200, 1_500) : this.#world.between(1, 20);
    this.#world.after(delayMs, () => {
      if (incarnation !== this.#incarnation) return;
      const write = this.#writes.shift();
      if (write === undefined) return;
      this.#disk = written(this.#disk, write, (jws) => this.#controlPlane.message(jws));
      if (this.#writes.length > 0) this.#flush();
      this.#whenAwake(incarnation, () => this.#step({ type: "persisted", n: write.effect.n }));
    });
  }

  /** A timer of the process: it stands still with the machine. */
  #after(delayMs: number, run: () => void): void {
    const incarnation = this.#incarnation;
    this.#world.after(delayMs, () => this.#whenAwake(incarnation, run));
  }

  #whenAwake(incarnation: number, run: () => void): void {
    if (incarnation !== this.#incarnation) return;
    if (!this.#frozen) return run();
    const restMs = this.#wakesAtMs - this.#world.nowMs + this.#world.between(0, 5);
    this.#world.after(restMs, () => this.#whenAwake(incarnation, run));
  }
}

function snapshotEvent(image: Image): ReplicaEvent {
  return { type: "snapshot", org: ORG, at: image.at, table: tableOf(image), token: image };
}
