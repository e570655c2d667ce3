import type { ApiKeyView } from "@claviger/shared/api/api-key";
import { expect, test } from "vitest";
import { differencesOf } from "./differences.ts";

const view = (changes: object) =>
  ({ name: "a", budgetUsd: null, allowedModels: ["x"], metadata: {}, ...changes }) as unknown as ApiKeyView;

test("a conflict names what they changed and what is to be saved over it, and nothing else", () => {
  const rows = differencesOf(view({}), view({ name: "b", allowedModels: ["x", "y"] }), { budgetUsd: "5" });
  expect(rows.map(({ name, theirs, mine }) => [name, theirs, mine])).toEqual([
    ["name", "b", undefined],
    ["budgetUsd", null, "5"],
    ["allowedModels", ["x", "y"], undefined],
  ]);
});
