/** The price of a model as the catalogue has it, in the integers that costs are computed with. */
import type { ModelView } from "@claviger/shared/api/model";
import { nanosOf, type Price } from "@claviger/shared/money/cost";
import { modelsOf } from "./catalogue.ts";

const known = new Map<string, ReadonlyMap<string, Price>>();

/** undefined for a model that the catalogue does not have: its cost is unknown, not nothing. */
export function priceOf(provider: string, model: string): Price | undefined {
  let prices = known.get(provider);
  if (prices === undefined) {
    prices = new Map(modelsOf(provider).map((view) => [view.name, read(view)]));
    known.set(provider, prices);
  }
  return prices.get(model);
}

function read(view: ModelView): Price {
  const nanos = (usd: string | null) => (usd === null ? null : (nanosOf(usd) ?? null));
  return {
    input: nanos(view.inputUsdPerMillion),
    cacheRead: nanos(view.cacheReadUsdPerMillion),
    cacheWrite: nanos(view.cacheWriteUsdPerMillion),
    output: nanos(view.outputUsdPerMillion),
  };
}
