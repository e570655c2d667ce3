import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ApiKeyCreate, ApiKeyEdit } from "./api-key.ts";
import { readInstant } from "./attribute.ts";
import { readUsd } from "./budget.ts";
import { LlmApiKeyEdit } from "./llm-api-key.ts";

const plainText = fc
  .string({ minLength: 1, maxLength: 128, unit: "grapheme-ascii" })
  .filter((text) => text.trim() !== "");
const limit = fc.option(fc.integer({ min: 0, max: 1_000_000_000 }));
const usd = fc
  .tuple(fc.integer({ min: 0, max: 8_999_999 }), fc.option(fc.stringMatching(/^\d{1,9}$/)))
  .map(([whole, fraction]) => (fraction === null ? String(whole) : `${whole}.${fraction}`));
const names = fc.option(
  fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9.-]{0,40}\*?$/), { minLength: 1, maxLength: 20 }),
);
const octet = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));

/** Every attribute with a value that the contract allows. */
const allowed = fc.record(
  {
    name: plainText,
    note: fc.option(plainText),
    expiresAt: fc.option(
      fc
        .date({ min: new Date("2030-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
        .map((date) => date.toISOString()),
    ),
    requestsPerMinute: limit,
    tokensPerMinute: limit,
    maxConcurrency: limit,
    budgetUsd: fc.option(usd),
    budgetPeriod: fc.constantFrom("total", "daily", "weekly", "monthly"),
    budgetAlertThresholds: fc
      .uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 20 })
      .map((list) => list.sort((a, b) => a - b)),
    allowedProviders: names,
    allowedModels: names,
    ipAllowlist: fc.option(fc.uniqueArray(address, { minLength: 1 })),
    metadata: fc.dictionary(
      fc.string({ maxLength: 20 }),
      fc.jsonValue({ maxDepth: 2, depthSize: "xsmall" }),
      { maxKeys: 5 },
    ),
    maxStalenessSeconds: fc.integer({ min: 30, max: 604_800 }),
  },
  { requiredKeys: ["name"] },
);

/** One attribute each with values that the contract forbids. */
const forbidden: Record<string, fc.Arbitrary<unknown>> = {
  name: fc.oneof(
    fc.constant(""),
    fc.string({ minLength: 129, maxLength: 200 }),
    fc.integer(),
    fc.constant("a\u0000b"),
    fc.constant("\u202e"),
    fc.constant("  "),
  ),
  expiresAt: fc.oneof(
    fc.constantFrom(
      "tomorrow",
      "2027-02-30T00:00:00Z",
      "2027-01-01T00:00:00",
      "01/02/2027",
      "2027-13-01",
      "",
      "+027-01-01T00:00:00Z",
    ),
    fc.integer(),
  ),
  requestsPerMinute: fc.oneof(fc.integer({ max: -1 }), fc.constantFrom(1.5, "5", 1e10, true)),
  tokensPerMinute: fc.oneof(fc.integer({ max: -1 }), fc.constantFrom(1.5, "5", 1e10, true)),
  maxConcurrency: fc.oneof(fc.integer({ max: -1 }), fc.constantFrom(1.5, "5", 1e10, true)),
  budgetUsd: fc.oneof(
    fc.constantFrom(
      "-1",
      "NaN",
      "9000000.000000001",
      "9000001",
      "0.0000000001",
      "1e3",
      "",
      " 1",
      "1.",
      ".5",
      "0x1",
      "١",
      "1,5",
      1,
    ),
    fc.double({ max: -0.001, noNaN: true }).map(String),
  ),
  budgetPeriod: fc.constantFrom("yearly", "", 1),
  budgetAlertThresholds: fc.constantFrom([80, 50], [50, 50], [0], [101], [1.5], ["50"], 50),
  allowedProviders: fc.constantFrom([], [""], "sandbox", [1], ["x".repeat(257)]),
  allowedModels: fc.constantFrom([], [""], ["a*b"], ["*a"], ["**"], "echo", [null]),
  ipAllowlist: fc.constantFrom(
    [],
    ["10.0.0.1/8"],
    ["10.0.0.256"],
    ["::ffff:0:0/0"],
    ["10.1"],
    ["010.0.0.1"],
    ["fe80::1%eth0"],
    ["10.0.0.0/33"],
    ["::/129"],
    ["localhost"],
    ["10.0.0.0/8 "],
    "10.0.0.0/8",
  ),
  metadata: fc.constantFrom([], "x", 1, null, { a: "x".repeat(16_385) }),
  maxStalenessSeconds: fc.constantFrom(29, 604_801, 30.5, "900", null),
  gatewayIds: fc.constantFrom([], ["eu-1"], "gw_000000000000", [null]),
  ownerId: fc.constantFrom("", "me", 1, null),
  mcp: fc.constantFrom(
    null,
    {},
    { enabled: true },
    { enabled: true, mode: "allow-list" },
    { enabled: true, mode: "deny-list", servers: [] },
    { enabled: true, mode: "allow-all", servers: ["a"] },
    { enabled: false, mode: "allow-list" },
    { enabled: true, mode: "some" },
    { enabled: true, mode: "allow-all", extra: 1 },
    { enabled: true, mode: "allow-all", tools: { a: "all" } },
  ),
};

test("whatever the contract allows is taken, alone and together", () => {
  fc.assert(
    fc.property(allowed, (attributes) => {
      expect(ApiKeyCreate.safeParse(attributes).error?.issues).toBeUndefined();
      expect(ApiKeyEdit.safeParse(attributes).success).toBe(true);
    }),
  );
});

describe.each(Object.keys(forbidden))("a forbidden %s", (attribute) => {
  test("is refused at that attribute, whatever stands around it", () => {
    fc.assert(
      fc.property(allowed, forbidden[attribute]!, (attributes, value) => {
        for (const schema of [ApiKeyCreate, ApiKeyEdit]) {
          const issues = schema.safeParse({ ...attributes, [attribute]: value }).error?.issues ?? [];
          expect(new Set(issues.map(({ path }) => path[0]))).toEqual(new Set([attribute]));
        }
      }),
    );
  });
});

test("a member that is not in the contract is refused by its name", () => {
  fc.assert(
    fc.property(allowed, fc.stringMatching(/^[a-z]{1,20}X$/), (attributes, name) => {
      const issues = ApiKeyCreate.safeParse({ ...attributes, [name]: 1 }).error?.issues ?? [];
      expect(issues).toMatchObject([{ code: "unrecognized_keys", keys: [name] }]);
    }),
  );
});

test("an amount is exact to the nano-dollar", () => {
  fc.assert(
    fc.property(usd, (text) => {
      const [whole = "", fraction = ""] = text.split(".");
      expect(readUsd(text)).toBe(BigInt(whole + fraction.padEnd(9, "0")));
    }),
  );
  expect(readUsd("9000000")).toBe(9_000_000_000_000_000n);
  expect(readUsd("0")).toBe(0n);
});

test("an instant means the same moment in every offset, and a date alone is none", () => {
  expect(readInstant("2027-01-31T13:00:00+01:00")).toEqual(new Date("2027-01-31T12:00:00Z"));
  expect(readInstant("2027-01-31")).toBeUndefined();
  expect(readInstant("2028-02-29T00:00:00Z")).toBeDefined();
  expect(readInstant("2027-02-29T00:00:00Z")).toBeUndefined();
});

test.each([
  ["allowedModels", "echo"],
  ["allowedProviders", "sandbox"],
  ["ipAllowlist", "192.0.2.7"],
  ["gatewayIds", "gw_000000000001"],
])("no list holds an entry twice: %s", (attribute, entry) => {
  expect(ApiKeyEdit.safeParse({ [attribute]: [entry] }).success).toBe(true);
  expect(ApiKeyEdit.safeParse({ [attribute]: [entry, entry] }).success).toBe(false);
});

test("an LLM API key names no model twice", () => {
  expect(LlmApiKeyEdit.safeParse({ customModels: ["a", "b"] }).success).toBe(true);
  expect(LlmApiKeyEdit.safeParse({ customModels: ["a", "a"] }).success).toBe(false);
});
