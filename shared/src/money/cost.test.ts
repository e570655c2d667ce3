import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf, nanosOf, type Price, usdOf } from "./cost.ts";

const price: Price = {
  input: nanosOf("1") ?? 0n,
  cacheRead: nanosOf("0.1") ?? 0n,
  cacheWrite: null,
  output: nanosOf("2") ?? 0n,
};
const none = { input: null, cacheRead: null, cacheWrite: null, output: null, reasoning: null };
const count = fc.option(fc.integer({ min: 0, max: 10_000_000 }));
const tokens = fc.record({
  input: count,
  cacheRead: count,
  cacheWrite: count,
  output: count,
  reasoning: count,
});

describe("the cost of a request", () => {
  it("is the sum of its buckets at their prices, by hand: 43 750 output and 6 250 reasoning at $2 a million", () => {
    expect(costOf({ ...none, input: 1_000, output: 43_750, reasoning: 6_250 }, price)).toBe(101_000_000n);
    expect(usdOf(101_000_000n)).toBe("0.101");
  });

  it("is rounded up in each bucket, so that it is never below what is billed", () => {
    const odd: Price = { ...price, input: nanosOf("0.0000005") ?? 0n };
    expect(costOf({ ...none, input: 1 }, odd)).toBe(1n);
    fc.assert(
      fc.property(tokens, fc.bigInt({ min: 0n, max: 10n ** 12n }), (used, perMillion) => {
        const cost = costOf(used, {
          input: perMillion,
          cacheRead: perMillion,
          cacheWrite: perMillion,
          output: perMillion,
        });
        const all = Object.values(used).reduce<number>((sum, n) => sum + (n ?? 0), 0);
        if (cost !== null) expect(cost * 1_000_000n >= BigInt(all) * perMillion).toBe(true);
      }),
    );
  });

  it("is unknown, never $0, when a used bucket has no price or the provider said nothing", () => {
    expect(costOf(none, price)).toBeNull();
    expect(costOf({ ...none, output: 1 }, { ...price, output: null })).toBeNull();
    expect(costOf({ ...none, input: 0, output: 0 }, { ...price, input: null, output: null })).toBe(0n);
  });

  it("never falls when more is used", () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 0, max: 1_000 }), (used, more) => {
        const before = costOf({ ...used, output: used.output ?? 0 }, price);
        const after = costOf({ ...used, output: (used.output ?? 0) + more }, price);
        expect((after ?? 0n) >= (before ?? 0n)).toBe(true);
      }),
    );
  });
});

describe("dollars as text", () => {
  it("come back exactly", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 9n * 10n ** 15n }), (nanos) => {
        expect(nanosOf(usdOf(nanos))).toBe(nanos);
      }),
    );
  });

  it("are nothing else than digits and at most nine decimals", () => {
    for (const text of ["", "-1", "1e3", ".5", "1.", "0.0000000001", "NaN", " 1"])
      expect(nanosOf(text)).toBeUndefined();
  });
});
