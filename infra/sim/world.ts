/** Virtual time. Everything that happens is an event in one queue, and every choice comes from one seed. */

interface Scheduled {
  readonly atMs: number;
  /** Breaks ties in the order of scheduling, so that a seed has one history. */
  readonly order: number;
  readonly run: () => void;
}

/** Uniform in [0, 1) from a 32-bit seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class World {
  /** True time in milliseconds; no process can read it. */
  nowMs = 0;
  readonly #random: () => number;
  readonly #heap: Scheduled[] = [];
  #order = 0;

  constructor(seed: number) {
    this.#random = generator(seed);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.#random() < p;
  }

  between(low: number, high: number): number {
    return low + this.#random() * (high - low);
  }

  pick<T>(of: readonly T[]): T {
    const one = of[Math.floor(this.#random() * of.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }

  after(delayMs: number, run: () => void): void {
    this.#push({ atMs: this.nowMs + delayMs, order: this.#order++, run });
  }

  /** Repeats with a fresh delay each time, until `untilMs`. */
  every(delayMs: () => number, untilMs: number, run: () => void): void {
    this.after(delayMs(), () => {
      if (this.nowMs > untilMs) return;
      run();
      this.every(delayMs, untilMs, run);
    });
  }

  /** Runs events in order until the queue is empty, the time is over, or `stop` says so. */
  runUntil(endMs: number, stop: () => boolean): void {
    for (;;) {
      const next = this.#pop();
      if (next === undefined || next.atMs > endMs || stop()) return;
      this.nowMs = next.atMs;
      next.run();
    }
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!earlier(event, heap[parent] as Scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Scheduled | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && earlier(right, heap[child] as Scheduled)) child++;
      const smallest = heap[child] as Scheduled;
      if (!earlier(smallest, last)) break;
      heap[at] = smallest;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function earlier(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
