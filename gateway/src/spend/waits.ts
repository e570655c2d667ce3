/** Requests that wait for money, and then for the disk. */
import type { Held } from "./escrow.ts";

/** So long a disk may take. */
const DISK_WAIT_MS = 5_000;

interface Wait {
  readonly resolve: (held: Held) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Waits {
  readonly #waits = new Map<string, Wait>();
  readonly #waitedLong: (id: string) => void;

  /** `waitedLong` is told of who waits too long; it has to end the wait. */
  constructor(waitedLong: (id: string) => void) {
    this.#waitedLong = waitedLong;
  }

  begin(id: string, waitMs: number): Promise<Held> {
    const { promise, resolve } = Promise.withResolvers<Held>();
    this.#waits.set(id, { resolve, timer: setTimeout(() => this.#waitedLong(id), waitMs) });
    return promise;
  }

  /** It has its money, and waits for the disk. */
  reserved(id: string): void {
    const wait = this.#waits.get(id);
    if (wait === undefined) return;
    clearTimeout(wait.timer);
    wait.timer = setTimeout(() => this.#waitedLong(id), DISK_WAIT_MS);
  }

  end(id: string, held: Held): void {
    const wait = this.#waits.get(id);
    if (wait === undefined) return;
    clearTimeout(wait.timer);
    this.#waits.delete(id);
    wait.resolve(held);
  }

  /** Whoever still waits is told so. */
  close(): void {
    for (const id of [...this.#waits.keys()]) this.end(id, "budget_unavailable");
  }
}
