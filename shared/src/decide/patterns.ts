/** Name lists of an API key: exact names and `prefix*`, byte for byte, with no other wildcard and no folding of case. */

export interface Patterns {
  readonly exact: ReadonlySet<string>;
  /** Without their star; `*` alone is the empty prefix. */
  readonly prefixes: readonly string[];
}

/** Prepares a list; a star anywhere but at the end is an ordinary character. */
export function preparePatterns(list: readonly string[]): Patterns {
  return {
    exact: new Set(list.filter((name) => !name.endsWith("*"))),
    prefixes: list.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1)),
  };
}

/** True when an entry is this name or a prefix of it. */
export function matches(patterns: Patterns, name: string): boolean {
  if (patterns.exact.has(name)) return true;
  for (const prefix of patterns.prefixes) if (name.startsWith(prefix)) return true;
  return false;
}

/** True when every name that `inner` matches is matched by `outer`. */
export function coversPatterns(outer: Patterns, inner: Patterns): boolean {
  for (const name of inner.exact) if (!matches(outer, name)) return false;
  return inner.prefixes.every((prefix) => outer.prefixes.some((wider) => prefix.startsWith(wider)));
}
