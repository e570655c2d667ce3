import type { UsageFigures } from "@claviger/shared/api/usage";
import { expect, test } from "vitest";
import {
  cachedShare,
  changeOf,
  duration,
  exactly,
  figureOf,
  isUnpriced,
  onAxis,
  shareOf,
  shown,
} from "./figures.ts";

const nothing: UsageFigures = {
  ...{
    requests: 0,
    retries: 0,
    errors: 0,
    refused: 0,
    inputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
  },
  ...{ cacheWriteLongTokens: 0, outputTokens: 0, reasoningTokens: 0, audioInputTokens: 0 },
  ...{ audioOutputTokens: 0, imageInputTokens: 0, imageOutputTokens: 0, images: 0, searches: 0 },
  ...{ spentUsd: "0", unpricedRequests: 0, latencyP50Ms: null, latencyP95Ms: null },
  ...{ firstByteP50Ms: null, firstByteP95Ms: null },
};

test("money is counted in nano-dollars: exact below what a float of dollars can tell", () => {
  const nanos = figureOf({ ...nothing, spentUsd: "8999999.999999999" }, "spentUsd");
  expect(nanos).toBe(8_999_999_999_999_999);
  expect(exactly(figureOf({ ...nothing, spentUsd: "0.000000001" }, "spentUsd"), "spentUsd")).toBe(
    "$0.000000001",
  );
  expect(shown(figureOf({ ...nothing, spentUsd: "0.00042" }, "spentUsd"), "spentUsd")).toBe("$0.00042");
});

test("tokens are the sum of all kinds, and what came from caches is a share of what was read", () => {
  const used = { ...nothing, inputTokens: 60, cacheReadTokens: 30, audioInputTokens: 10, outputTokens: 5 };
  expect(figureOf(used, "tokens")).toBe(105);
  expect(cachedShare(used)).toBe("30.0 %");
  expect(cachedShare(nothing)).toBeNull();
});

test("requests of which none has a price are unpriced, never $0; nothing is not unpriced", () => {
  expect(isUnpriced({ ...nothing, requests: 3, unpricedRequests: 3 })).toBe(true);
  expect(isUnpriced({ ...nothing, requests: 3, unpricedRequests: 2 })).toBe(false);
  expect(isUnpriced({ ...nothing, requests: 3, retries: 1, unpricedRequests: 3 })).toBe(false);
  expect(isUnpriced(nothing)).toBe(false);
});

test("words for shares, changes, durations and axes", () => {
  expect([shareOf(0, 9), shareOf(1, 321), shareOf(5, 9), shareOf(9, 9), shareOf(1, 0)]).toEqual([
    ...["0 %", "0.31 %", "55.6 %", "100 %", null],
  ]);
  expect([changeOf(106, 100), changeOf(94, 100), changeOf(5, 0), changeOf(5, undefined)]).toEqual([
    ...["+6.0 %", "−6.0 %", null, null],
  ]);
  expect([duration(2.4), duration(350), duration(2_510), duration(null)]).toEqual([
    ...[{ text: "≈2", unit: "ms" }, { text: "≈350", unit: "ms" }, { text: "≈2.51", unit: "s" }, null],
  ]);
  expect(["1.50M", "6.00 s", "$1,000", "10.0M", "0"].map(onAxis)).toEqual([
    "1.5M",
    "6 s",
    "$1,000",
    "10M",
    "0",
  ]);
});
