import { expect, test } from "vitest";
import type { ApiKey } from "../api/queries.ts";
import { toCsv } from "./export-keys.ts";

test("a CSV has a row per key, quotes what needs it, and holds no formula", () => {
  const attributes = { name: '=HYPERLINK("x"), a', note: null, status: "active", requests: 3 };
  const key = { type: "api-key", id: "key_1", attributes } as unknown as ApiKey;
  const [head = "", row = ""] = toCsv([key]).split("\r\n");
  expect(head.startsWith("id,name,note,status,preview")).toBe(true);
  expect(row.startsWith(`key_1,"'=HYPERLINK(""x""), a",,active,`)).toBe(true);
});
