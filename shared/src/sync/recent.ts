/** Remembers the values asked for last, at least `n` and at most twice as many; the others are forgotten. */
export class Recent<V> {
  readonly #n: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(n: number) {
    this.#n = n;
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#n) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
