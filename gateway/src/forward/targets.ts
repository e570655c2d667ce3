/** Where each surface of an LLM key is, read once per record: parsing its address costs more than admitting a request. */
import type { ProviderRecord } from "@claviger/shared/wire/record";
import { providers, type Target, targetOf } from "./providers.ts";
import type { Surface } from "./surfaces.ts";

const targets = new WeakMap<ProviderRecord, Map<Surface, Target | undefined>>();

/** `targetOf` for the record's own provider and base URL; undefined also for a provider that is not in the table. */
export function preparedTarget(record: ProviderRecord, surface: Surface): Target | undefined {
  let bySurface = targets.get(record);
  if (bySurface === undefined) {
    bySurface = new Map();
    // Records are never changed in place.
    targets.set(record, bySurface);
  }
  if (!bySurface.has(surface)) {
    const row = providers[record.provider];
    bySurface.set(surface, row && targetOf(row, surface, record.baseUrl));
  }
  return bySurface.get(surface);
}
