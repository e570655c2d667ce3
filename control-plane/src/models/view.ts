/** Prices between the API's dollars and the nano-dollars that are kept. */
import type { ModelEdit, ModelView, RatesView } from "@claviger/shared/api/model";
import { nanosOf, usdOf } from "@claviger/shared/money/cost";
import { BUCKETS, PIECES } from "@claviger/shared/money/price";
import type { PriceRecord } from "@claviger/shared/wire/record";
import type { ModelName, ModelTerms } from "./price-rows.ts";

type Bucket = (typeof BUCKETS)[number];
type RatesText = { readonly [B in Bucket]?: string | undefined };
type RatesInput = { readonly [Name in keyof RatesView]?: string | null | undefined };

/** What an override, or the catalogue, says of a model. */
export function modelView(
  { provider, model }: ModelName,
  { price, contextWindow, outputTokensMax }: ModelTerms,
  { source, served }: Pick<ModelView, "source" | "served">,
): ModelView {
  const piece = (nanos: string | undefined) => (nanos === undefined ? null : usdOf(BigInt(nanos)));
  return {
    ...{ provider, name: model, source, served, contextWindow, outputTokensMax },
    ...ratesView(price ?? {}),
    perRequestUsd: piece(price?.perRequest),
    perImageUsd: piece(price?.perImage),
    perSearchUsd: piece(price?.perSearch),
    tiers: (price?.tiers ?? []).map(({ aboveInputTokens, rates }) => ({
      aboveInputTokens,
      ...ratesView(rates),
    })),
  };
}

/** What holds after an edit: named members replace, the others stay; without an input price there is none. */
export function editTerms(before: ModelTerms, edit: ModelEdit): ModelTerms {
  const { contextWindow, outputTokensMax } = edit;
  const rates = editRates(before.price ?? {}, edit);
  return {
    price:
      rates.input === undefined ? null : { ...rates, input: rates.input, ...rest(before.price, rates, edit) },
    contextWindow: contextWindow === undefined ? before.contextWindow : contextWindow,
    outputTokensMax: outputTokensMax === undefined ? before.outputTokensMax : outputTokensMax,
  };
}

function rest(before: PriceRecord | null, base: RatesText, edit: ModelEdit): Partial<PriceRecord> {
  const pieces = PIECES.flatMap((piece) => {
    const given = edit[`${piece}Usd`];
    const text = given === undefined ? before?.[piece] : given === null ? undefined : nanosText(given);
    return text === undefined ? [] : [[piece, text]];
  });
  // A tier costs what the base does, but for what it names.
  const now =
    edit.tiers?.map(({ aboveInputTokens, ...rates }) => ({
      aboveInputTokens,
      rates: editRates(base, rates),
    })) ?? before?.tiers;
  return { ...Object.fromEntries(pieces), ...(now === undefined || now.length === 0 ? {} : { tiers: now }) };
}

function editRates(before: RatesText, edit: RatesInput): { -readonly [B in Bucket]?: string } {
  const rates: { -readonly [B in Bucket]?: string } = {};
  for (const bucket of BUCKETS) {
    const given = edit[`${bucket}UsdPerMillion`];
    const text = given === undefined ? before[bucket] : given === null ? undefined : nanosText(given);
    if (text !== undefined) rates[bucket] = text;
  }
  return rates;
}

function nanosText(usd: string): string {
  const nanos = nanosOf(usd);
  if (nanos === undefined) throw new Error("a price that the schema let through");
  return nanos.toString();
}

function ratesView(rates: RatesText): RatesView {
  const usd = (bucket: Bucket) => {
    const nanos = rates[bucket];
    return nanos === undefined ? null : usdOf(BigInt(nanos));
  };
  return {
    inputUsdPerMillion: usd("input"),
    cacheReadUsdPerMillion: usd("cacheRead"),
    cacheWriteUsdPerMillion: usd("cacheWrite"),
    cacheWriteLongUsdPerMillion: usd("cacheWriteLong"),
    outputUsdPerMillion: usd("output"),
    reasoningUsdPerMillion: usd("reasoning"),
    audioInputUsdPerMillion: usd("audioInput"),
    audioOutputUsdPerMillion: usd("audioOutput"),
    imageInputUsdPerMillion: usd("imageInput"),
    imageOutputUsdPerMillion: usd("imageOutput"),
  };
}
