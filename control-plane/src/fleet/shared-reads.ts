/**
 * Reads that a whole fleet makes at once, after an outage or a restart of everybody: those of the same thing share one,
 * also for a moment after it has ended. The bargain: a key names its content for good, so nothing here can be stale.
 */

export interface SharedReads<T> {
  /** What `key` names; `read` is called when nobody has just read it. A failure is its callers', and is not kept. */
  get(key: string, read: () => Promise<T>): Promise<T>;
}

/** Kept at once, however small: a map of a few thousand names is no matter. */
const KEPT_MAX = 4_096;

/**
 * Keeps for `keepMs` what was read, the latest up to `bytesMax` bytes, as `sizeOf` tells them. That there is nothing is
 * not kept: it may come to be, and whoever asks for what is not there must not fill the memory.
 */
export function createSharedReads<T>(
  { keepMs, bytesMax }: { keepMs: number; bytesMax: number },
  sizeOf: (value: T) => number,
): SharedReads<T> {
  /** In the order in which they were read. */
  const kept = new Map<string, { value: Promise<T>; bytes: number }>();
  let bytes = 0;
  const forget = (key: string, value: Promise<T>) => {
    const entry = kept.get(key);
    if (entry?.value !== value) return;
    bytes -= entry.bytes;
    kept.delete(key);
  };
  return {
    get(key, read) {
      const known = kept.get(key);
      if (known !== undefined) return known.value;
      const value = read();
      const entry = { value, bytes: 0 };
      kept.set(key, entry);
      value.then(
        (result) => {
          if (kept.get(key) !== entry) return;
          if (result === undefined) return forget(key, value);
          entry.bytes = sizeOf(result);
          bytes += entry.bytes;
          for (const [oldest, { value: its }] of kept) {
            if (bytes <= bytesMax && kept.size <= KEPT_MAX) break;
            forget(oldest, its);
          }
          setTimeout(() => forget(key, value), keepMs).unref();
        },
        () => forget(key, value),
      );
      return value;
    },
  };
}

/** One of them for each `owner`, made by `make` when it is first asked for. */
export function perOwner<Owner extends object, T>(
  make: () => SharedReads<T>,
): (owner: Owner) => SharedReads<T> {
  const all = new WeakMap<Owner, SharedReads<T>>();
  return (owner) => {
    const known = all.get(owner) ?? make();
    all.set(owner, known);
    return known;
  };
}
