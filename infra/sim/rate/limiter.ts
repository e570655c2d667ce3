/** A replica with one limited key: the real holder by clocks that are not quite right, in a process that may end or stand still. */

import { Holder } from "@claviger/shared/rate/holder";
import { floorOf, type Rate } from "@claviger/shared/rate/limit";
import type { RateAnswer } from "@claviger/shared/rate/message";
import type { Instant } from "@claviger/shared/sync/freshness";
import type { Network } from "../network.ts";
import type { World } from "../world.ts";
import { type Dealer, KEY, type Limits } from "./dealer.ts";

const HEARTBEAT_MS = 3_000;
const SOON_MS = 50;
const PRESSED_MS = 1_000;
const IDLE_MS = 6_000;
const DRIFT = 0.01;

interface Running {
  /** Its share is over: nothing is promised of it any more. */
  orphan: boolean;
  readonly of: Holder;
}

/** What the oracle is told: an admission by this limiter. */
export interface Witness {
  admitted(limiter: Limiter): void;
}

export class Limiter {
  readonly name: string;
  /** Requests per second; changes as the fancy takes its callers. */
  demand = 0;
  holder: Holder;
  /** What the share in use may do in truth: as dealt, and in true time. */
  truth = { rate: 0, untilMs: 0 };
  readonly clockRate: number;
  readonly #world: World;
  readonly #network: Network;
  readonly #dealer: Dealer;
  readonly #witness: Witness;
  readonly #limits: Limits;
  readonly #running = new Set<Running>();
  #starts = 1;
  #nextMs = 0;
  #lastMs = 0;
  /** That the monotonic clock does not know of, and by how much the wall clock was set back. */
  #lostMs = 0;
  #setBackMs = 0;
  #frozenUntilMs = 0;

  constructor(
    name: string,
    world: World,
    network: Network,
    dealer: Dealer,
    limits: Limits,
    witness: Witness,
  ) {
    this.name = name;
    this.#world = world;
    this.#network = network;
    this.#dealer = dealer;
    this.#witness = witness;
    this.#limits = limits;
    this.clockRate = world.between(1 - DRIFT + 0.0001, 1 + DRIFT - 0.0001);
    this.holder = this.#newHolder(0);
  }

  /** What it may use now, as it was dealt; in requests at once, what it may have in flight. */
  inUse(): Rate {
    const line = this.holder.entries.get(KEY)?.requests;
    const { wallMs, monoMs } = this.#now();
    if (line === undefined || monoMs > line.bucket.endMonoMs || wallMs > line.bucket.endWallMs) {
      return { rate: 0, burst: 0 };
    }
    return { rate: line.bucket.dealtRate, burst: line.bucket.dealtBurst };
  }

  /** Faster than it was dealt, in true time. */
  fillsTooFast(slack: number): boolean {
    const line = this.holder.entries.get(KEY)?.requests;
    if (line === undefined) return false;
    const floor = floorOf(line.perMinute, this.holder.floor.part);
    return line.bucket.rate * this.clockRate > this.truth.rate + floor.rate + slack;
  }

  /** A share in use is over. */
  usesOver(): boolean {
    const entry = this.holder.entries.get(KEY);
    const uses = (entry?.requests?.bucket.dealtBurst ?? 0) > 0 || (entry?.places?.permits ?? 0) > 0;
    return uses && this.#world.nowMs > this.truth.untilMs;
  }

  /** In flight, as far as somebody promises something about it. */
  inflight(): number {
    const places = this.holder.entries.get(KEY)?.places;
    const { wallMs, monoMs } = this.#now();
    const over = places !== undefined && (monoMs > places.endMonoMs || wallMs > places.endWallMs);
    let n = 0;
    for (const one of this.#running) {
      one.orphan ||= over || one.of !== this.holder;
      if (!one.orphan) n++;
    }
    return n;
  }

  request(): boolean {
    if (this.#world.nowMs < this.#frozenUntilMs) return false;
    this.inflight();
    const asked = { keyId: KEY, tokensPerMinute: null, ...this.#limits };
    const { monoMs, wallMs } = this.#now();
    if (!this.holder.enter(asked, monoMs, wallMs)) return false;
    const ok = this.holder.take(asked, 0, monoMs, wallMs) === 0;
    if (!ok || this.#limits.maxConcurrency === null) this.holder.leave(KEY);
    else this.#run();
    if (ok) this.#witness.admitted(this);
    return ok;
  }

  #run(): void {
    const one: Running = { orphan: false, of: this.holder };
    this.#running.add(one);
    this.#world.after(this.#world.between(100, this.#world.chance(0.2) ? 20_000 : 2_000), () => {
      this.#running.delete(one);
      if (one.of === this.holder) this.holder.leave(KEY);
    });
  }

  /** A new process knows nothing of its shares, and its callers have lost their connections. */
  crash(): void {
    this.#starts++;
    this.#running.clear();
    this.holder = this.#newHolder(this.holder.floor.part);
    this.truth = { rate: 0, untilMs: 0 };
  }

  /** The machine stands still: nothing runs, and the monotonic clock does not move. */
  freeze(forMs: number): void {
    const { nowMs } = this.#world;
    if (nowMs < this.#frozenUntilMs) return;
    this.#frozenUntilMs = nowMs + forMs;
    this.#lostMs += forMs;
  }

  setBack(byMs: number): void {
    this.#setBackMs = Math.max(this.#setBackMs, byMs);
  }

  poke(): void {
    this.#need(SOON_MS);
  }

  run(untilMs: number): void {
    const world = this.#world;
    const beat = () => {
      if (world.nowMs > untilMs) return;
      if (world.nowMs >= this.#nextMs && world.nowMs >= this.#frozenUntilMs) this.#report();
      world.after(Math.max(10, this.#nextMs - world.nowMs), beat);
    };
    world.after(world.between(0, 500), beat);
    world.every(
      () => 1_000,
      untilMs,
      () => {
        if (world.nowMs >= this.#frozenUntilMs) this.holder.sweep(this.#now(), IDLE_MS);
      },
    );
  }

  #newHolder(part: number): Holder {
    return new Holder(this.#now().monoMs, (urgent) => this.#need(urgent ? SOON_MS : PRESSED_MS), part);
  }

  /** As the product: not sooner than this after the last one. */
  #need(afterMs: number): void {
    const { nowMs } = this.#world;
    const atMs = Math.max(nowMs, this.#lastMs + afterMs);
    if (atMs >= this.#nextMs) return;
    this.#nextMs = atMs;
    this.#world.after(atMs - nowMs, () => {
      if (this.#nextMs === atMs && this.#world.nowMs >= this.#frozenUntilMs) this.#report();
    });
  }

  #report(): void {
    const world = this.#world;
    this.#lastMs = world.nowMs;
    this.#nextMs = world.nowMs + HEARTBEAT_MS * world.between(0.8, 1.2);
    const { holder } = this;
    const starts = this.#starts;
    const sentMs = world.nowMs;
    const report = holder.report(this.#now());
    const hear = (answer: RateAnswer) =>
      this.#network.send("cp", this.name, () => this.#arrive(() => this.#hear(holder, answer, sentMs)));
    this.#network.send(this.name, "cp", () => this.#dealer.report(this.name, starts, report, hear));
  }

  /** What comes while it stands still is found when it goes on. */
  #arrive(take: () => void): void {
    const leftMs = this.#frozenUntilMs - this.#world.nowMs;
    if (leftMs > 0) this.#world.after(leftMs + 1, () => this.#arrive(take));
    else take();
  }

  #hear(holder: Holder, answer: RateAnswer, sentMs: number): void {
    if (holder !== this.holder) return;
    this.inflight();
    const before = idOf(holder);
    holder.takeIn(answer, this.#now());
    const [dealt] = answer.keys;
    const after = idOf(holder);
    if (after === before || after === 0 || dealt === undefined) return;
    const { rate = 0, ttlMs = 0 } = dealt.requests ?? { ttlMs: dealt.permits?.ttlMs };
    // Slow clocks, of which the better one is set back at most by what A2 allows.
    this.truth = { rate, untilMs: sentMs + ttlMs / (1 - DRIFT) + 2_000 };
  }

  #now(): Instant {
    const { nowMs } = this.#world;
    return {
      monoMs: (nowMs - this.#lostMs) * this.clockRate,
      wallMs: nowMs * this.clockRate - this.#setBackMs,
    };
  }
}

function idOf(holder: Holder): number {
  const entry = holder.entries.get(KEY);
  return entry?.requests?.bucket.share ?? entry?.places?.share ?? 0;
}
