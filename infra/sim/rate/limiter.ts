/** A replica with one limited key: the real bucket by a clock that is not quite right, in a process that may end. */
import { type Bucket, emptyBucket, floorBucket, heldShare, take, takeUp } from "@claviger/shared/rate/bucket";
import type { Rate } from "@claviger/shared/rate/limit";
import type { Network } from "../network.ts";
import type { World } from "../world.ts";
import type { Dealer, Dealt } from "./dealer.ts";

const HEARTBEAT_MS = 1_000;

/** What the oracle is told of an admission: by which bucket, how fast it fills in truth, and until when at most. */
export interface Witness {
  admitted(limiter: Limiter): void;
}

export class Limiter {
  readonly name: string;
  /** Requests per second; changes as the fancy takes its callers. */
  demand = 0;
  bucket: Bucket;
  /** What the bucket may do in truth: as dealt, and in true time. */
  truth = { rate: 0, untilMs: 0 };
  readonly clockRate: number;
  readonly #world: World;
  readonly #network: Network;
  readonly #dealer: Dealer;
  readonly #witness: Witness;
  readonly #floor: Rate;
  #floorBucket: Bucket;
  #epoch = 1;
  #incarnation = 1;
  #asked = 0;
  #reportedMs = 0;

  constructor(name: string, world: World, network: Network, dealer: Dealer, floor: Rate, witness: Witness) {
    this.name = name;
    this.#world = world;
    this.#network = network;
    this.#dealer = dealer;
    this.#witness = witness;
    this.#floor = floor;
    this.clockRate = world.between(0.9901, 1.0099);
    this.bucket = emptyBucket(this.#nowMs());
    this.#floorBucket = floorBucket(floor, this.#nowMs());
  }

  /** What it may use now, as it was dealt. */
  inUse(): Rate {
    const over = this.#nowMs() > this.bucket.endMs;
    return over ? { rate: 0, burst: 0 } : { rate: this.truth.rate, burst: this.bucket.burst };
  }

  request(): boolean {
    this.#asked++;
    const nowMs = this.#nowMs();
    if (take(this.bucket, 1, false, nowMs).ok) {
      this.#witness.admitted(this);
      return true;
    }
    const withoutShare = this.bucket.burst === 0;
    const ok = withoutShare && take(this.#floorBucket, 1, false, nowMs).ok;
    if (ok) this.#witness.admitted(this);
    return ok;
  }

  /** A new process knows nothing of its shares and starts with empty buckets. */
  crash(): void {
    this.#incarnation++;
    this.bucket = emptyBucket(this.#nowMs());
    this.#floorBucket = floorBucket(this.#floor, this.#nowMs());
    this.truth = { rate: 0, untilMs: 0 };
  }

  run(untilMs: number): void {
    this.#world.every(
      () => HEARTBEAT_MS * this.#world.between(0.8, 1.2),
      untilMs,
      () => this.#report(),
    );
  }

  #report(): void {
    const incarnation = this.#incarnation;
    const sentTrueMs = this.#world.nowMs;
    const sentMs = this.#nowMs();
    const report = {
      replica: this.name,
      held: heldShare(this.bucket, sentMs),
      n: this.#asked,
      elapsedMs: sentMs - this.#reportedMs,
    };
    this.#asked = 0;
    this.#reportedMs = sentMs;
    const hear = (dealt: Dealt) =>
      this.#network.send("cp", this.name, () => {
        if (incarnation === this.#incarnation) this.#hear(dealt, sentMs, sentTrueMs);
      });
    const epoch = this.#epoch;
    this.#network.send(this.name, "cp", () => this.#dealer.report(report, epoch, hear));
  }

  #hear({ epoch, share }: Dealt, sentMs: number, sentTrueMs: number): void {
    if (epoch < this.#epoch) return;
    this.#epoch = epoch;
    if (share === undefined) return;
    const before = this.bucket.share;
    takeUp(this.bucket, share, sentMs, this.#nowMs());
    if (this.bucket.share === before) return;
    this.truth = { rate: share.rate, untilMs: sentTrueMs + share.ttlMs / (1 - 0.01) };
  }

  #nowMs(): number {
    return this.#world.nowMs * this.clockRate;
  }
}
