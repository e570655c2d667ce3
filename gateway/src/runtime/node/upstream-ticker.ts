/**
 * One coarse timer for many: a limit of time costs a number and not a timer. Its time stands still while the
 * process does, so that nobody is timed out for what was not read meanwhile.
 */

/** A limit is noticed so many milliseconds late at most, plus what the process was busy; never early. */
export const TICK_MS = 100;

export interface Ticked {
  /** The ticker's own: where it stands in its list. */
  place: number;
  tick(nowMs: number): void;
  /** Ends at once. */
  end(): void;
}

export class Ticker {
  /** Milliseconds that have passed while there was anybody to tick for, or had been until just now. */
  nowMs = 0;
  readonly #all: Ticked[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastMs = 0;

  add(one: Ticked): void {
    one.place = this.#all.push(one) - 1;
    if (this.#timer !== undefined) return;
    this.#lastMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Once for each that was added. */
  remove(one: Ticked): void {
    const last = this.#all.pop();
    if (last !== undefined && last !== one) {
      this.#all[one.place] = last;
      last.place = one.place;
    }
  }

  /** Ends all of them. */
  endAll(): void {
    for (const each of [...this.#all]) each.end();
  }

  #tick(): void {
    const nowMs = performance.now();
    this.nowMs += Math.min(nowMs - this.#lastMs, 2 * TICK_MS);
    this.#lastMs = nowMs;
    for (const each of [...this.#all]) each.tick(this.nowMs);
    // Not with the last that goes: another one mostly comes before the next tick.
    if (this.#all.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
