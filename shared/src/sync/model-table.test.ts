import { expect, test } from "vitest";
import { readPrice, writePrice } from "../money/price.ts";
import { AliasRecord, Change, type ModelRow, type PriceRecord } from "../wire/record.ts";
import { Table } from "./table.ts";

const price: PriceRecord = { input: "2500000000", cacheRead: "1250000000", output: "10000000000" };
const row = (name: string, changes: Partial<ModelRow> = {}): ModelRow => ({
  name,
  priceRev: 3,
  price,
  contextWindow: 128_000,
  ...changes,
});

function put(table: Table, id: string, provider: string, ...models: ModelRow[]): void {
  const change = { op: "put", kind: "models", id, record: { id, provider, models } };
  table.apply(Change.parse(change));
}

test("a model's price is that of its provider, pinned by its revision, and not known is not nothing", () => {
  const table = new Table();
  put(table, "mdl_000000000001", "openai", row("gpt-5"), row("gpt-0", { price: null }));
  put(table, "mdl_000000000002", "openrouter", row("gpt-5", { priceRev: 9 }));
  expect(table.priceOf("openai", "gpt-5")).toEqual({
    price: {
      rev: 3,
      price: { input: 2_500_000_000n, cacheRead: 1_250_000_000n, cacheWrite: null, output: 10_000_000_000n },
    },
    contextWindow: 128_000,
    outputTokensMax: null,
  });
  expect(table.priceOf("openrouter", "gpt-5")?.price?.rev).toBe(9);
  expect(table.priceOf("openai", "gpt-0")?.price).toBeUndefined();
  expect(table.priceOf("openai", "gpt-6")).toBeUndefined();
  expect(table.priceOf("mistral", "gpt-5")).toBeUndefined();
});

test("a record replaces what it said before, and its models go with it", () => {
  const table = new Table();
  put(table, "mdl_000000000001", "openai", row("a"), row("b"));
  put(table, "mdl_000000000002", "openai", row("c"));
  put(table, "mdl_000000000001", "openai", row("a", { priceRev: 4 }));
  expect(table.priceOf("openai", "a")?.price?.rev).toBe(4);
  expect(table.priceOf("openai", "b")).toBeUndefined();
  table.apply({ op: "del", kind: "models", id: "mdl_000000000001" });
  expect(table.priceOf("openai", "a")).toBeUndefined();
  expect(table.priceOf("openai", "c")?.price?.rev).toBe(3);
  expect([...table.changes()].map(({ id }) => id)).toEqual(["mdl_000000000002"]);
});

test("a price survives the wire: every bucket, every tier, everything apiece", () => {
  const whole: PriceRecord = {
    ...{ input: "1", cacheRead: "2", cacheWrite: "3", cacheWriteLong: "4", output: "5", reasoning: "6" },
    ...{ audioInput: "7", audioOutput: "8", imageInput: "9", imageOutput: "10" },
    ...{ perRequest: "11", perImage: "12", perSearch: "13" },
    tiers: [{ aboveInputTokens: 200_000, rates: { input: "14", output: "15" } }],
  };
  expect(writePrice(readPrice(whole))).toEqual(whole);
});

test("a project's own alias goes before the organization's, which comes back when that one is gone", () => {
  const table = new Table();
  const alias = (id: string, projectId: string | null, target: string) => {
    const record = AliasRecord.parse({ id, projectId, name: "fast", targets: [target] });
    table.apply({ op: "put", kind: "alias", id, record });
  };
  alias("als_000000000001", null, "openai/gpt-5");
  alias("als_000000000002", "prj_000000000001", "mine/small");
  expect(table.alias("prj_000000000001", "fast")?.targets).toEqual(["mine/small"]);
  expect(table.alias("prj_000000000002", "fast")?.targets).toEqual(["openai/gpt-5"]);
  expect(table.aliasesOf("prj_000000000001")).toHaveLength(1);
  table.apply({ op: "del", kind: "alias", id: "als_000000000002" });
  expect(table.alias("prj_000000000001", "fast")?.targets).toEqual(["openai/gpt-5"]);
  expect(table.alias("prj_000000000001", "slow")).toBeUndefined();
});
