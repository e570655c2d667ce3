/**
 * Slices that a process has given back for good, as they were. The bargain: none of them is ever taken again, however
 * often and however late it is delivered. Of very many the oldest are forgotten, and then every question up to theirs is
 * over: what answers it is not taken, dropped or not. The control plane has back what was never taken when the next
 * process speaks.
 */
import type { Slice } from "./slice.ts";

/** So many are known by name. */
export const DROPPED_MAX = 20_000;

interface End {
  readonly spent: bigint;
  readonly lastSeq: number;
}

export class Dropped {
  /** Oldest first; `nth` is that of the question that it answered, null where it answered none. */
  readonly #ends = new Map<string, End & { readonly nth: number | null }>();
  /** What this process's questions begin with. */
  readonly #prefix: string;
  #forgottenTo = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get size(): number {
    return this.#ends.size;
  }

  get(slice: string): End | undefined {
    return this.#ends.get(slice);
  }

  has(slice: string): boolean {
    return this.#ends.has(slice);
  }

  /** It answers a question that is over, so it may be one of those that are known no more. */
  isOver({ req }: Slice): boolean {
    const nth = this.#nthOf(req);
    return nth !== null && nth <= this.#forgottenTo;
  }

  add({ id, req }: Slice, end: End): void {
    this.#ends.set(id, { ...end, nth: this.#nthOf(req) });
    // What came unasked has no number and is kept; there is one for each budget and window. It goes behind the others.
    for (let tries = 0; tries < 2 && this.#ends.size > DROPPED_MAX; tries++) {
      const [oldest] = this.#ends;
      if (oldest === undefined) return;
      const [slice, known] = oldest;
      this.#ends.delete(slice);
      if (known.nth === null) this.#ends.set(slice, known);
      else this.#forgottenTo = Math.max(this.#forgottenTo, known.nth);
    }
  }

  #nthOf(req: string): number | null {
    const nth = req.startsWith(this.#prefix) ? Number(req.slice(this.#prefix.length)) : Number.NaN;
    return Number.isSafeInteger(nth) ? nth : null;
  }
}
