import { expect, test } from "vitest";
import { priceText } from "./price.ts";

test("a price is shown to its last digit, and none is not $0", () => {
  expect(["2.5", "10", "0.0028", "0.15", "1234.000000001", "0"].map(priceText)).toEqual([
    ...["$2.50", "$10", "$0.0028", "$0.15", "$1,234.000000001", "$0"],
  ]);
  expect(priceText(null)).toBeUndefined();
});
