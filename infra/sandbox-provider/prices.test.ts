import { catalogueOf } from "@claviger/control-plane/models/catalogue";
import { expect, test } from "vitest";
import { type ModelName, PRICES } from "./prices.ts";

/** Nano-dollars per token of a price in nano-dollars per million tokens. */
const nanos = (perMillion: bigint | null | undefined) =>
  perMillion == null ? null : Number(perMillion) / 1e6;

test("the provider bills what the catalogue says that it costs", () => {
  const catalogue = catalogueOf("sandbox", 0);
  expect(catalogue.map(({ name }) => name).sort()).toEqual(Object.keys(PRICES).sort());
  for (const model of catalogue) {
    const price = PRICES[model.name as ModelName];
    expect(price.inputNanos).toBe(nanos(model.price?.input));
    expect(price.cachedNanos).toBe(nanos(model.price?.cacheRead));
    expect(price.outputNanos).toBe(nanos(model.price?.output));
  }
});
