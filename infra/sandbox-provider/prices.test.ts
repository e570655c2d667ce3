import { modelsOf } from "@claviger/control-plane/models/catalogue";
import { expect, test } from "vitest";
import { type ModelName, PRICES } from "./prices.ts";

/** Nano-dollars per token of a price in dollars per million tokens. */
const nanos = (usdPerMillion: string | null) =>
  usdPerMillion === null ? null : Number(usdPerMillion) * 1_000;

test("the provider bills what the catalogue says that it costs", () => {
  const catalogue = modelsOf("sandbox");
  expect(catalogue.map(({ name }) => name).sort()).toEqual(Object.keys(PRICES).sort());
  for (const model of catalogue) {
    const price = PRICES[model.name as ModelName];
    expect(price.inputNanos).toBe(nanos(model.inputUsdPerMillion));
    expect(price.cachedNanos).toBe(nanos(model.cacheReadUsdPerMillion));
    expect(price.outputNanos).toBe(nanos(model.outputUsdPerMillion));
  }
});
