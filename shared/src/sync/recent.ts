/** Remembers the values asked for last, at least `n` and at most twice as many; the others are forgotten. */
export class Recent<K, V> {
  readonly #n: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  constructor(n: number) {
    this.#n = n;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#n) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
