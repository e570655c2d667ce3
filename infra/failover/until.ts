import { setTimeout as pause } from "node:timers/promises";

/** Resolves when it is true; what throws is not true yet. Rejects after a minute. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  let last: unknown;
  for (;;) {
    try {
      if (await isTrue()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadlineMs) throw new Error(`did not happen: ${what}`, { cause: last });
    await pause(50);
  }
}
