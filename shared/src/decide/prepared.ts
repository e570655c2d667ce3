/**
 * What is derived from a list, made once per list and hung on the list itself, so that a new version of a record can never
 * be judged by what was derived from an old one, and keys that hold one list between them share it. Lists and records
 * are never changed in place.
 */
import type { KeyRecord, ProviderRecord } from "../wire/record.ts";
import { type IpRanges, prepareRanges } from "./ip-ranges.ts";
import { type Patterns, preparePatterns } from "./patterns.ts";

/** A key's lists; null for "all". */
export interface Lists {
  readonly models: Patterns | null;
  readonly providers: ReadonlySet<string> | null;
  readonly ip: IpRanges | null;
}

type List = readonly string[];

const patternsOf = oncePer((list: List): Patterns => preparePatterns(list));
const setOf = oncePer((list: List): ReadonlySet<string> => new Set(list));
const rangesOf = oncePer((list: List): IpRanges => prepareRanges(list));

/** The lists of a key, or of a token's claims. */
export function listsOf(
  record: Pick<KeyRecord, "allowedModels" | "allowedProviders" | "ipAllowlist">,
): Lists {
  return {
    models: record.allowedModels && patternsOf(record.allowedModels),
    providers: record.allowedProviders && setOf(record.allowedProviders),
    ip: record.ipAllowlist && rangesOf(record.ipAllowlist),
  };
}

/** The bare names that an LLM key serves. */
export function modelsOf(record: ProviderRecord): ReadonlySet<string> {
  return setOf(record.models);
}

function oncePer<T>(make: (list: List) => T): (list: List) => T {
  const made = new WeakMap<List, T>();
  return (list) => {
    let found = made.get(list);
    if (found === undefined) {
      found = make(list);
      made.set(list, found);
    }
    return found;
  };
}
