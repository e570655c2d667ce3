/** Work that arrives in the same few milliseconds for the same organization is done together. */

/**
 * Returns a function that collects items by group for `windowMs` and hands each group to `run` at once; it resolves to
 * what `run` returned at the item's place. At most one run per group is under way; what arrives meanwhile waits for it.
 * With a window of 0 it collects until the end of the event-loop turn.
 */
export function batched<Item, Result>(
  windowMs: number,
  run: (group: string, items: readonly Item[]) => Promise<readonly Result[]>,
): (group: string, item: Item) => Promise<Result> {
  interface Waiting {
    item: Item;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  const groups = new Map<string, Waiting[]>();
  const start = (group: string, waitMs: number) => {
    if (waitMs > 0) setTimeout(() => void flush(group), waitMs);
    else setImmediate(() => void flush(group));
  };

  async function flush(group: string): Promise<void> {
    const waiting = groups.get(group) ?? [];
    groups.set(group, []);
    try {
      const results = await run(
        group,
        waiting.map(({ item }) => item),
      );
      waiting.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result === undefined) reject(new Error("a batch returned fewer results than it was given items"));
        else resolve(result);
      });
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
    if ((groups.get(group) ?? []).length === 0) groups.delete(group);
    else start(group, 0);
  }

  return (group, item) =>
    new Promise<Result>((resolve, reject) => {
      const waiting = groups.get(group);
      if (waiting !== undefined) {
        waiting.push({ item, resolve, reject });
        return;
      }
      groups.set(group, [{ item, resolve, reject }]);
      start(group, windowMs);
    });
}
