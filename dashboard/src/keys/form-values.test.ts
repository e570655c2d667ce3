import { expect, test } from "vitest";
import { checkAttributes } from "./form-errors.ts";
import { attributesOf, blankValues, changesBetween } from "./form-values.ts";

const blank = { ...blankValues("mem_aaaaaaaaaaaa", "prj_aaaaaaaaaaaa"), name: "CI" };
const now = Date.parse("2026-11-20T15:03:43Z");

test("an empty field means all: it is sent as null, and the contract accepts it", () => {
  const attributes = attributesOf(blank, now);
  expect(attributes).toMatchObject({
    allowedModels: null,
    ipAllowlist: null,
    budgetUsd: null,
    gatewayIds: null,
  });
  expect(checkAttributes(attributes)).toEqual([]);
});

test("a preset counts from now", () => {
  expect(attributesOf({ ...blank, expiry: "30d" }, now).expiresAt).toBe("2026-12-20T15:03:43.000Z");
});

test("4: what is wrong is found on its field and tab before anything is sent", () => {
  const wrong = { ...blank, name: " ", requestsPerMinute: "many", ips: ["10.0.0.300"], metadataJson: "{" };
  expect(checkAttributes(attributesOf(wrong, now)).map(({ field, tab }) => [field, tab])).toEqual([
    ["name", "basic"],
    ["requestsPerMinute", "basic"],
    ["ips", "advanced"],
    ["metadataJson", "advanced"],
  ]);
});

test("an edit sends what has changed and nothing else", () => {
  const before = attributesOf(blank, now);
  expect(changesBetween(before, attributesOf({ ...blank, budgetUsd: "5" }, now))).toEqual({
    budgetUsd: "5",
    budgetPeriod: "total",
    budgetAlertThresholds: [50, 80, 100],
  });
});
