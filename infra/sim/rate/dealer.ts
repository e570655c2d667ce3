/** The control plane as far as rates go: the real book, which a failover may lose. */
import { type Book, deal, lostBook, newBook, type RateReport, type Share } from "@claviger/shared/rate/book";
import type { Rate } from "@claviger/shared/rate/limit";
import { untilOf } from "@claviger/shared/rate/outstanding";
import type { World } from "../world.ts";

const TTL_MS = 15_000;
const IDS_PER_EPOCH = 1_000_000;

/** Nothing but the epoch for whoever does not know it yet. */
export interface Dealt {
  readonly epoch: number;
  readonly share?: Share;
}

export class Dealer {
  book: Book;
  readonly #world: World;
  readonly #limit: Rate;
  readonly #seenMs = new Map<string, number>();
  #epoch = 1;
  #ids = 0;
  #downUntilMs = 0;

  constructor(world: World, limit: Rate) {
    this.#world = world;
    this.#limit = limit;
    this.book = newBook(limit, 0);
  }

  report(report: RateReport, epoch: number, answer: (dealt: Dealt) => void): void {
    const { nowMs } = this.#world;
    if (nowMs < this.#downUntilMs) return;
    if (epoch < this.#epoch) return answer({ epoch: this.#epoch });
    this.#seenMs.set(report.replica, nowMs);
    const share = deal(this.book, report, this.#epoch * IDS_PER_EPOCH + ++this.#ids, TTL_MS, nowMs);
    answer({ epoch: this.#epoch, share });
  }

  crash(forMs: number): void {
    this.#downUntilMs = this.#world.nowMs + forMs;
  }

  /** The book is in tables that a failover empties. */
  failover(): void {
    const { nowMs } = this.#world;
    this.#epoch++;
    const mayHold = [...this.#seenMs].map(([name, seenMs]) => [name, untilOf(seenMs, TTL_MS)] as const);
    this.book = lostBook(this.#limit, mayHold, nowMs);
  }
}
