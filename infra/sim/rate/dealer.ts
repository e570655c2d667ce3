/** The control plane as far as limits go: the real books of one organization with one key, which a failover may lose. */
import {
  answerReport,
  type FleetBook,
  type KeyBook,
  type KeyLimits,
  type Member,
  newFleetBook,
} from "@claviger/shared/rate/dealer";
import type { RateAnswer, RateReports } from "@claviger/shared/rate/message";
import type { World } from "../world.ts";

const TTL_MS = 15_000;
export const KEY = "key";

export type Limits = Pick<KeyLimits, "requestsPerMinute" | "maxConcurrency">;

export class Dealer {
  readonly books = new Map<string, KeyBook>();
  readonly #world: World;
  readonly #limits: ReadonlyMap<string, KeyLimits>;
  readonly #members = new Map<string, Member>();
  readonly #poke: (replica: string) => void;
  #fleet: FleetBook | undefined;
  #epoch = 1;
  #downUntilMs = 0;

  constructor(world: World, limits: Limits, poke: (replica: string) => void) {
    this.#world = world;
    this.#poke = poke;
    const ages = { ttlMs: TTL_MS, ttlMsMax: TTL_MS, createdMs: 1 };
    this.#limits = new Map([[KEY, { ...limits, tokensPerMinute: null, ...ages }]]);
  }

  report(replica: string, starts: number, report: RateReports, answer: (answer: RateAnswer) => void): void {
    const { nowMs } = this.#world;
    if (nowMs < this.#downUntilMs) return;
    // The proof is recorded before anything is dealt.
    this.#members.set(replica, { freshMs: nowMs, bye: false });
    this.#fleet ??= newFleetBook(this.#epoch, this.#members, this.#epoch === 1 ? 0 : nowMs);
    const desk = {
      ...{ fleet: this.#fleet, books: this.books, limits: this.#limits },
      ...{ members: this.#members, nowMs },
    };
    const { answer: said, poke } = answerReport(desk, { replica, starts }, report);
    answer(said);
    for (const name of poke) this.#poke(name);
  }

  crash(forMs: number): void {
    this.#downUntilMs = this.#world.nowMs + forMs;
  }

  /** The books are in tables that a failover empties. */
  failover(): void {
    this.#epoch++;
    this.#fleet = undefined;
    this.books.clear();
  }
}
