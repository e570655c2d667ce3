import { findProvider, TieredPrices } from "@pydantic/genai-prices";
import { expect, test } from "vitest";
import { findModel, namesOf } from "./catalogue.ts";
import { priceNow } from "./list-price.ts";

const NOON = Date.parse("2026-11-21T12:00:00Z");
const usd = (dollars: number) => BigInt(Math.round(dollars * 1e9));
const from = (date: string, prices: Record<string, number>) => ({
  constraint: { type: "start_date" as const, start_date: date },
  prices,
});

test("a price in hours of the day counts as the dearest of the day", () => {
  const hours = { type: "time_of_date" as const, start_time: "00:30:00Z", end_time: "16:30:00Z" };
  const prices = [
    { prices: { input_mtok: 0.135, output_mtok: 0.55 } },
    { constraint: hours, prices: { input_mtok: 0.27, output_mtok: 1.1, cache_read_mtok: 0.07 } },
  ];
  for (const at of ["03:00", "20:00"]) {
    expect(priceNow({ prices }, Date.parse(`2026-11-21T${at}:00Z`))).toEqual({
      // Cached input has no price of its own in the other hours: it is billed as fresh there.
      ...{ input: usd(0.27), output: usd(1.1), cacheRead: null, cacheWrite: null },
    });
  }
});

test("a price that rises counts a day ahead, one that falls only when it has fallen everywhere", () => {
  const rising = [
    { prices: { input_mtok: 1, output_mtok: 1 } },
    from("2026-11-22", { input_mtok: 2, output_mtok: 2 }),
  ];
  const falling = [
    { prices: { input_mtok: 2, output_mtok: 2 } },
    from("2026-11-21", { input_mtok: 1, output_mtok: 1 }),
  ];
  expect(priceNow({ prices: rising }, Date.parse("2026-11-20T00:00:00Z"))?.input).toBe(usd(1));
  expect(priceNow({ prices: rising }, NOON)?.input).toBe(usd(2));
  expect(priceNow({ prices: falling }, Date.parse("2026-11-21T11:00:00Z"))?.input).toBe(usd(2));
  expect(priceNow({ prices: falling }, NOON)?.input).toBe(usd(1));
});

test("what was in force before a later price is not looked at any more", () => {
  const prices = [
    { prices: { input_mtok: 9, output_mtok: 9 } },
    from("2026-01-01", { input_mtok: 1, output_mtok: 2 }),
  ];
  expect(priceNow({ prices }, NOON)).toMatchObject({ input: usd(1), output: usd(2) });
});

test("a dearer rate of long requests holds for every bucket that has one, the others stay", () => {
  const tiered = (base: number, start: number, price: number) =>
    new TieredPrices({ base, tiers: [{ start, price }] });
  const prices = {
    input_mtok: tiered(3, 200_000, 6),
    output_mtok: tiered(15, 200_000, 22.5),
    cache_read_mtok: 0.3,
  };
  expect(priceNow({ prices }, NOON)?.tiers).toEqual([
    {
      aboveInputTokens: 200_000,
      rates: { input: usd(6), output: usd(22.5), cacheRead: usd(0.3), cacheWrite: null },
    },
  ]);
});

test("what is billed by something that nobody meters has no price, and neither has what has no input price", () => {
  expect(priceNow({ prices: { input_mtok: 1, output_mtok: 1, output_video_mtok: 17 } }, NOON)).toBeNull();
  expect(priceNow({ prices: { audio_hours: 0.36 } }, NOON)).toBeNull();
  expect(priceNow({ prices: { output_mtok: 1 } }, NOON)).toBeNull();
});

test("uses of a provider's search are priced apiece", () => {
  const prices = { input_mtok: 1, output_mtok: 1, web_searches_kcount: 10, storage_searches_kcount: 2.5 };
  expect(priceNow({ prices }, NOON)?.perSearch).toBe(10_000_000n);
});

test("a dated name of a model costs what the model costs; a fine-tuned one is not known", () => {
  const plain = findModel("openai", "gpt-4o", NOON)?.price;
  expect(plain?.input).toBe(usd(2.5));
  expect(findModel("openai", "gpt-4o-2024-11-20", NOON)?.price).toEqual(plain);
  expect(findModel("openai", "ft:gpt-4o:acme::1", NOON)).toBeUndefined();
  expect(findModel("openai-compatible", "gpt-4o", NOON)).toBeUndefined();
});

test("no price of the list is lower than its base rate in any hour that is near", () => {
  for (const provider of ["openai", "anthropic", "deepseek", "mistral"]) {
    for (const model of findProvider({ providerId: provider })?.models ?? []) {
      const price = priceNow(model, NOON);
      if (price === null) continue;
      expect(price.input).not.toBeNull();
      for (const { rates } of price.tiers ?? []) expect(rates.input).not.toBeNull();
    }
  }
  expect(namesOf("openrouter").length).toBeGreaterThan(500);
});
