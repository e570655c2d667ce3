import { expect, test } from "vitest";
import { readIfMatch, readWait } from "./read-query.ts";

test.each([
  [undefined, 10_000],
  ["", 10_000],
  ["respond-async", 10_000],
  ["wait=0", 0],
  ["wait=5", 5_000],
  ['respond-async, wait="7"', 7_000],
  ["Wait = 3; foo", 3_000],
  ["wait=86400", 50_000],
  ["handling=lenient; wait=2", 2_000],
])("Prefer: %s waits %i ms", (header, waitMs) => {
  expect(readWait(header)).toBe(waitMs);
});

test.each(["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=9999999"])(
  "Prefer: %s is refused",
  (header) => {
    expect(() => readWait(header)).toThrow(expect.objectContaining({ code: "invalid_header" }));
  },
);

test("If-Match loses its quotes, and what is weak or malformed matches nothing", () => {
  expect(readIfMatch(undefined)).toBeUndefined();
  expect(readIfMatch(' "3.42" ')).toBe("3.42");
  expect(readIfMatch("*")).toBe("*");
  expect(readIfMatch('W/"3.42"')).toBe('W/"3.42"');
});
