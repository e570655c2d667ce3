/**
 * What is derived from a record, made once per record and hung on the record itself, so that a new version of a record
 * can never be judged by what was derived from an old one. Records are never changed in place.
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

type Listed = Pick<KeyRecord, "allowedModels" | "allowedProviders" | "ipAllowlist">;

const lists = new WeakMap<Listed, Lists>();
const models = new WeakMap<ProviderRecord, ReadonlySet<string>>();

/** The lists of a key, or of a token's claims. */
export function listsOf(record: Listed): Lists {
  let found = lists.get(record);
  if (found === undefined) {
    found = {
      models: record.allowedModels && preparePatterns(record.allowedModels),
      providers: record.allowedProviders && new Set(record.allowedProviders),
      ip: record.ipAllowlist && prepareRanges(record.ipAllowlist),
    };
    lists.set(record, found);
  }
  return found;
}

/** The bare names that an LLM key serves. */
export function modelsOf(record: ProviderRecord): ReadonlySet<string> {
  let found = models.get(record);
  if (found === undefined) {
    found = new Set(record.models);
    models.set(record, found);
  }
  return found;
}
