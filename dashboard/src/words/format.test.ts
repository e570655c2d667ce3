import { expect, test } from "vitest";
import { count, dollars, initials, revisionNumber, span } from "./format.ts";

test("money keeps the digits that carry meaning and never shows a cent that is not there", () => {
  expect(["50", "50.00", "12.5", "0", "0.00042", "0.000420001", "1234567.8"].map(dollars)).toEqual([
    "$50",
    "$50",
    "$12.50",
    "$0",
    "$0.00042",
    "$0.00042",
    "$1,234,567.80",
  ]);
});

test("counts have three digits and a unit", () => {
  expect([0, 212, 18_234, 944_000, 1_200_000, 10_800_000].map(count)).toEqual([
    "0",
    "212",
    "18.2k",
    "944k",
    "1.20M",
    "10.8M",
  ]);
});

test("spans round to their largest unit", () => {
  expect([0, 48_000, 720_000, 3 * 3_600_000, 3 * 86_400_000].map(span)).toEqual([
    "0 s",
    "48 s",
    "12 min",
    "3 h",
    "3 d",
  ]);
});

test("initials of one word, of several, of none", () => {
  expect(["Marta Oliveira", "admin", ""].map(initials)).toEqual(["MO", "A", ""]);
});

test("a revision is shown without its epoch", () => {
  expect([revisionNumber("1.4813"), revisionNumber(null)]).toEqual(["4,813", "–"]);
});
