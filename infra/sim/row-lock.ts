/**
 * The organization's row: proofs hold it together (`FOR SHARE`), a change holds it alone (`UPDATE`). Each replica's own
 * row is held by one proof at a time.
 */
export class RowLock {
  #sharers = 0;
  #alone = false;
  readonly #waiting: (() => boolean)[] = [];
  readonly #busy = new Set<string>();

  exclusive(run: () => void): void {
    this.#enter(() => {
      if (this.#alone || this.#sharers > 0) return false;
      this.#alone = true;
      run();
      return true;
    });
  }

  releaseExclusive(): void {
    this.#alone = false;
    this.#wake();
  }

  shared(replica: string, run: (release: () => void) => void): void {
    this.#enter(() => {
      if (this.#alone || this.#busy.has(replica)) return false;
      this.#sharers++;
      this.#busy.add(replica);
      run(() => {
        this.#sharers--;
        this.#busy.delete(replica);
        this.#wake();
      });
      return true;
    });
  }

  #enter(attempt: () => boolean): void {
    if (!attempt()) this.#waiting.push(attempt);
  }

  #wake(): void {
    const waiting = this.#waiting.splice(0);
    for (const attempt of waiting) this.#enter(attempt);
  }
}
