/**
 * Writes to many sockets, gathered and made one after the other. Each write on its own wakes the process at the other end
 * for one message; in a row, it finds several. Under load that takes a tenth of the CPU time of a request; with nothing
 * else to do, the wait is over at once.
 */
export class Together<T, B> {
  readonly #write: (to: T, what: B) => void;
  readonly #when: (flush: () => void) => void;
  #to: T[] = [];
  #what: B[] = [];

  /** `when` calls back at the moment at which whatever was gathered is written, in order. */
  constructor(write: (to: T, what: B) => void, when: (flush: () => void) => void) {
    this.#write = write;
    this.#when = when;
  }

  add(to: T, what: B): void {
    if (this.#to.push(to) === 1) this.#when(this.#flush);
    this.#what.push(what);
  }

  readonly #flush = (): void => {
    const [to, what] = [this.#to, this.#what];
    this.#to = [];
    this.#what = [];
    for (let i = 0; i < to.length; i++) this.#write(to[i] as T, what[i] as B);
  };
}
