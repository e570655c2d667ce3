/** Work that is done together, and each on its own when that fails because of what one of them holds. */

export type Outcome<Result> = { readonly value: Result } | { readonly error: unknown };

/**
 * Runs all items at once. When that throws because of a value, each runs alone, so that one item's failure is nobody
 * else's; a failure that would befall whatever is sent next is everybody's. Never throws.
 */
export async function togetherOrApart<Item, Result>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Outcome<Result>[]> {
  try {
    return (await run(items)).map((value) => ({ value }));
  } catch (error) {
    if (items.length === 1 || !isOfValues(error)) return items.map(() => ({ error }));
  }
  const outcomes: Outcome<Result>[] = [];
  for (const item of items) outcomes.push(...(await togetherOrApart([item], run)));
  return outcomes;
}

/** Thrown by our own code, or by PostgreSQL about values (SQLSTATE classes 22 and 23), which drizzle wraps. */
function isOfValues(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return code === "" || /^2[23]/.test(code);
}
