/** Which models a provider has, and what they cost: the price list as seed, the sandbox's own rows beside it. */
import type { ModelView } from "@claviger/shared/api/model";
import { findProvider, type MatchLogic, type ModelInfo } from "@pydantic/genai-prices";
import { providerNames, providerRow } from "./providers.ts";

const sandbox: readonly ModelView[] = ["echo", "story", "embed"].map((name) => ({
  provider: "sandbox",
  name,
  contextWindow: 128_000,
  inputUsdPerMillion: "1",
  outputUsdPerMillion: name === "embed" ? "0" : "2",
  cacheReadUsdPerMillion: "0.1",
  cacheWriteUsdPerMillion: null,
}));

const known = new Map<string, readonly ModelView[]>();

/** The default catalogue of a provider, by name; empty for those whose models only the LLM key knows. */
export function modelsOf(provider: string): readonly ModelView[] {
  const held = known.get(provider);
  if (held !== undefined) return held;
  const models = provider === "sandbox" ? sandbox : fromPriceList(provider);
  known.set(provider, models);
  return models;
}

/** Every model of every provider. */
export function allModels(): readonly ModelView[] {
  return providerNames.flatMap(modelsOf);
}

function fromPriceList(provider: string): readonly ModelView[] {
  const row = providerRow(provider);
  if (row === undefined || row.priced === null) return [];
  const listed = findProvider({ providerId: row.priced })?.models ?? [];
  const views = new Map<string, ModelView>();
  for (const model of listed) {
    for (const name of [model.id, ...namesIn(model.match)]) {
      const own = row.only === undefined || row.only.test(name);
      if (own && name.length <= 256) views.set(name, viewOf(provider, name, model));
    }
  }
  return [...views.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names that the price list spells out; patterns name nothing that could be listed. */
function namesIn(match: MatchLogic): string[] {
  if ("equals" in match) return [match.equals];
  if ("or" in match) return match.or.flatMap(namesIn);
  return [];
}

function viewOf(provider: string, name: string, model: ModelInfo): ModelView {
  // Dated and hourly prices are conditional: which one holds is for the price table to say, not for a list.
  const prices = Array.isArray(model.prices) ? undefined : model.prices;
  return {
    provider,
    name,
    contextWindow: model.context_window ?? null,
    inputUsdPerMillion: decimal(prices?.input_mtok),
    outputUsdPerMillion: decimal(prices?.output_mtok),
    cacheReadUsdPerMillion: decimal(prices?.cache_read_mtok),
    cacheWriteUsdPerMillion: decimal(prices?.cache_write_mtok),
  };
}

/** Tiered prices show their base. Unknown stays null: a missing price is never $0. */
function decimal(price: unknown): string | null {
  const base = typeof price === "object" && price !== null && "base" in price ? price.base : price;
  if (typeof base !== "number" || !Number.isFinite(base)) return null;
  return base.toFixed(9).replace(/\.?0+$/, "");
}
