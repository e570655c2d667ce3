/** Which models a provider has, and what they cost now: the price list as seed, the sandbox's own rows beside it. */
import type { Price } from "@claviger/shared/money/cost";
import { calcPrice, findProvider, type MatchLogic, type ModelInfo } from "@pydantic/genai-prices";
import { priceNow } from "./list-price.ts";
import { providerNames, providerRow } from "./providers.ts";

export interface CatalogueModel {
  readonly provider: string;
  readonly name: string;
  readonly contextWindow: number | null;
  /** null: nobody has published it, or nobody has written it down here. */
  readonly outputTokensMax: number | null;
  /** null: not known, which is never $0. */
  readonly price: Price | null;
}

/** Nano-dollars per million tokens; what the sandbox's ledger bills. */
const SANDBOX: Price = {
  ...{ input: 1_000_000_000n, output: 2_000_000_000n, cacheRead: 100_000_000n, cacheWrite: null },
  cacheWriteLong: 1_000_000_000n,
};

const sandbox: readonly CatalogueModel[] = ["echo", "story", "embed"].map((name) => ({
  ...{ provider: "sandbox", name, contextWindow: 128_000, outputTokensMax: null },
  price: name === "embed" ? { ...SANDBOX, output: 0n } : SANDBOX,
}));

/** Models of the price list by provider and name, those with a name of their own first asked for. */
const listed = new Map<string, ReadonlyMap<string, ModelInfo>>();

/** What the list's patterns say of names that it does not spell out. */
const matched = new Map<string, ModelInfo | undefined>();
const MATCHED_MAX = 20_000;
const HOUR_MS = 3_600_000;

/** Fine-tuned models cost more than what they were made of, and the list's patterns do not know them. */
const FINE_TUNED = /^ft:|:ft-/;

/** Names of the provider's default catalogue, sorted; empty for those whose models only the LLM key knows. */
export function namesOf(provider: string): readonly string[] {
  return provider === "sandbox" ? sandbox.map(({ name }) => name) : [...listOf(provider).keys()];
}

/** The default catalogue of a provider, by name. */
export function catalogueOf(provider: string, nowMs: number): readonly CatalogueModel[] {
  if (provider === "sandbox") return sandbox;
  return [...listOf(provider)].map(([name, model]) => catalogueModel(provider, name, model, nowMs));
}

/** Every model of every provider. */
export function wholeCatalogue(nowMs: number): readonly CatalogueModel[] {
  return providerNames.flatMap((provider) => catalogueOf(provider, nowMs));
}

/** A model by any name that the price list knows it by, those of its patterns too: `gpt-5-2025-08-07` is `gpt-5`. */
export function findModel(provider: string, name: string, nowMs: number): CatalogueModel | undefined {
  if (provider === "sandbox") return sandbox.find((model) => model.name === name);
  const model = listOf(provider).get(name) ?? matchOf(provider, name);
  return model && catalogueModel(provider, name, model, nowMs);
}

function catalogueModel(provider: string, name: string, model: ModelInfo, nowMs: number): CatalogueModel {
  const contextWindow = model.context_window ?? null;
  return { provider, name, contextWindow, outputTokensMax: null, price: priceInHour(model, nowMs) };
}

/** Prices move by the day; reading one anew for every question would be most of the work of a list. */
const read = new WeakMap<ModelInfo, { readonly hour: number; readonly price: Price | null }>();

function priceInHour(model: ModelInfo, nowMs: number): Price | null {
  const hour = Math.floor(nowMs / HOUR_MS);
  const known = read.get(model);
  if (known?.hour === hour) return known.price;
  const price = priceNow(model, hour * HOUR_MS);
  read.set(model, { hour, price });
  return price;
}

function listOf(provider: string): ReadonlyMap<string, ModelInfo> {
  const held = listed.get(provider);
  if (held !== undefined) return held;
  const row = providerRow(provider);
  const priced = row?.priced ?? null;
  const models = new Map<string, ModelInfo>();
  for (const model of priced === null ? [] : (findProvider({ providerId: priced })?.models ?? [])) {
    for (const name of [model.id, ...namesIn(model.match)]) {
      const own = row?.only === undefined || row.only.test(name);
      if (own && name.length <= 256) models.set(name, model);
    }
  }
  const sorted = new Map([...models].sort(([a], [b]) => (a < b ? -1 : 1)));
  listed.set(provider, sorted);
  return sorted;
}

function matchOf(provider: string, name: string): ModelInfo | undefined {
  const priced = providerRow(provider)?.priced ?? null;
  if (priced === null || FINE_TUNED.test(name)) return undefined;
  const key = `${priced}/${name}`;
  if (matched.has(key)) return matched.get(key);
  if (matched.size >= MATCHED_MAX) matched.clear();
  const found = calcPrice({ input_tokens: 1, output_tokens: 1 }, name, { providerId: priced });
  const model = found?.provider.id === priced ? found.model : undefined;
  matched.set(key, model);
  return model;
}

/** Names that the price list spells out; patterns name nothing that could be listed. */
function namesIn(match: MatchLogic): string[] {
  if ("equals" in match) return [match.equals];
  if ("or" in match) return match.or.flatMap(namesIn);
  return [];
}
