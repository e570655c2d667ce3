import { expect, test } from "vitest";
import { readPrefill } from "./prefill.ts";

test("6: a link fills in the form; what it does not understand is named", () => {
  const { values, unknown } = readPrefill({
    name: "CI",
    expires: "30d",
    models: "gpt-5.4,claude-*",
    budget: "50",
    rpm: "many",
    colour: "red",
  });
  expect(values).toEqual({ name: "CI", expiry: "30d", models: ["gpt-5.4", "claude-*"], budgetUsd: "50" });
  expect(unknown).toEqual(["rpm", "colour"]);
});

test("6: an exact instant is taken to the minute in UTC", () => {
  expect(readPrefill({ expires: "2027-01-31T12:00:00Z" }).values).toEqual({
    expiry: "exact",
    expiresAt: "2027-01-31T12:00",
  });
});
