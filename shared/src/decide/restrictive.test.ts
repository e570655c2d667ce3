import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildKey, fakeDigest, NOW_MS } from "../testing/records.ts";
import { type Asked, anyClaims, anyKey, anyMcp, anyRequest, outcomeOf, withEnds } from "../testing/rights.ts";
import type { KeyRecord } from "../wire/record.ts";
import type { EphemeralClaims } from "./ephemeral.ts";
import { allowsServer, allowsTool, coversMcp } from "./mcp.ts";
import { effectOf } from "./restrictive.ts";

/** What the first may do and the second may not; undefined when there is nothing. */
function lost(
  before: KeyRecord,
  after: KeyRecord,
  asked: Asked,
  claims?: EphemeralClaims,
): string | undefined {
  const was = outcomeOf(before, asked, claims);
  const is = outcomeOf(after, asked, claims);
  if (was.mayCallTool && !is.mayCallTool) return "tool";
  if (was.code !== undefined) return undefined;
  // A question, not a refusal for want of a right: see the head of restrictive.ts.
  if (is.code !== undefined && is.code !== "ambiguous_model") return is.code;
  if (is.budgetId !== null && is.budgetId !== was.budgetId) return "budget";
  const tighter = is.limits.some((limit, i) => {
    const former = was.limits[i] ?? null;
    return limit !== null && (former === null || limit < former);
  });
  return tighter ? "limit" : undefined;
}

/** A key and what became of it: some of its attributes replaced. */
const edit = fc
  .tuple(anyKey, anyKey, fc.subarray(Object.keys(buildKey()) as (keyof KeyRecord)[], { maxLength: 3 }))
  .map(([before, other, changed]): [KeyRecord, KeyRecord] => [
    before,
    withEnds({ ...before, ...Object.fromEntries(changed.map((name) => [name, other[name]])) }),
  ]);

describe("the law", () => {
  test("if a change is not restrictive, nothing that was admitted before is refused after", () => {
    const requests = fc.array(anyRequest, { minLength: 10, maxLength: 10 });
    let admitted = 0;
    fc.assert(
      fc.property(edit, requests, ([before, after], asked) => {
        const takes = asked.map((each) => lost(before, after, each)).filter(Boolean);
        admitted += asked.filter((each) => outcomeOf(before, each).code === undefined).length;
        if (effectOf(before, after) !== "restrictive") expect(takes).toEqual([]);
      }),
      { numRuns: 4000 },
    );
    // The law is empty where nothing is admitted: this many make it bite.
    expect(admitted).toBeGreaterThan(2000);
  });

  test("it holds for the tokens of the key as well", () => {
    fc.assert(
      fc.property(edit, anyRequest, anyClaims, ([before, after], asked, claims) => {
        fc.pre(effectOf(before, after) !== "restrictive");
        expect(lost(before, after, asked, claims)).toBeUndefined();
      }),
      { numRuns: 4000 },
    );
  });

  test("a neutral change gives nothing either", () => {
    fc.assert(
      fc.property(edit, anyRequest, ([before, after], asked) => {
        fc.pre(effectOf(before, after) === "neutral");
        expect(outcomeOf(after, asked)).toEqual(outcomeOf(before, asked));
      }),
    );
  });

  test("a change is neutral both ways or neither, and never giving both ways", () => {
    fc.assert(
      fc.property(edit, ([before, after]) => {
        const there = effectOf(before, after);
        const back = effectOf(after, before);
        expect(there === "neutral").toBe(back === "neutral");
        expect([there, back]).not.toEqual(["giving", "giving"]);
        expect(effectOf(before, before)).toBe("neutral");
        expect(effectOf(undefined, after)).toBe("giving");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("each kind of change", () => {
  const now = { hash: fakeDigest("now"), generation: 2, notAfterMs: null };
  const old = { hash: fakeDigest("old"), generation: 1, notAfterMs: NOW_MS };
  const revoked = { status: "revoked" } as const;
  test.each<[string, Partial<KeyRecord>, Partial<KeyRecord>, string]>([
    ["metadata", {}, { metadata: { a: 1 } }, "neutral"],
    ["deactivate", {}, { status: "inactive" }, "restrictive"],
    ["activate", { status: "inactive" }, {}, "giving"],
    ["revoke", {}, revoked, "restrictive"],
    ["revoke an inactive one", { status: "inactive" }, revoked, "restrictive"],
    [
      "activate a revoked one",
      { ...revoked, hashes: [{ ...now, generation: 1 }] },
      { generation: 2, hashes: [now] },
      "giving",
    ],
    ["activate and narrow", { status: "inactive" }, { allowedModels: ["a"] }, "restrictive"],
    ["delete", revoked, { status: "deleted" }, "restrictive"],
    [
      "rotate at once",
      { hashes: [{ ...now, generation: 1 }] },
      {
        generation: 2,
        hashes: [
          { ...now, generation: 1, notAfterMs: NOW_MS },
          { ...now, hash: fakeDigest("new") },
        ],
      },
      "restrictive",
    ],
    [
      "end a grace",
      { generation: 2, hashes: [old, now] },
      { generation: 2, hashes: [{ ...old, notAfterMs: 0 }, now] },
      "restrictive",
    ],
    ["drop a hash", { hashes: [old, now] }, { hashes: [now] }, "restrictive"],
    ["a second secret", { hashes: [now] }, { hashes: [old, now] }, "giving"],
    ["a first expiry", {}, { expiresAtMs: NOW_MS }, "restrictive"],
    ["an earlier expiry", { expiresAtMs: NOW_MS }, { expiresAtMs: NOW_MS - 1 }, "restrictive"],
    ["a later expiry", { expiresAtMs: NOW_MS }, { expiresAtMs: NOW_MS + 1 }, "giving"],
    ["no expiry", { expiresAtMs: NOW_MS }, {}, "giving"],
    ["a shorter staleness", {}, { maxStalenessSeconds: 60 }, "restrictive"],
    ["a longer staleness", {}, { maxStalenessSeconds: 86_400 }, "giving"],
    ["a first limit", {}, { requestsPerMinute: 1_000_000 }, "restrictive"],
    ["a limit of nothing", { tokensPerMinute: 1 }, { tokensPerMinute: 0 }, "restrictive"],
    ["a higher limit", { maxConcurrency: 1 }, { maxConcurrency: 2 }, "giving"],
    ["a first limit of tool calls", {}, { toolCallsPerMinute: 0 }, "restrictive"],
    ["no limit of tool calls, said in so many words", {}, { toolCallsPerMinute: null }, "neutral"],
    ["no limit", { maxConcurrency: 0 }, {}, "giving"],
    ["a first budget", {}, { budgetId: "bud_1" }, "restrictive"],
    ["another budget", { budgetId: "bud_1" }, { budgetId: "bud_2" }, "restrictive"],
    ["no budget", { budgetId: "bud_1" }, {}, "giving"],
    ["a first list", {}, { allowedModels: ["a", "b"] }, "restrictive"],
    ["a longer list", { allowedModels: ["a"] }, { allowedModels: ["b", "a"] }, "giving"],
    [
      "the same list in another order",
      { allowedModels: ["a", "b"] },
      { allowedModels: ["b", "a"] },
      "neutral",
    ],
    [
      "a pattern instead of its names",
      { allowedModels: ["gpt-4", "gpt-5"] },
      { allowedModels: ["gpt*"] },
      "giving",
    ],
    ["names instead of a pattern", { allowedModels: ["gpt*"] }, { allowedModels: ["gpt-4"] }, "restrictive"],
    ["one in, one out", { allowedProviders: ["a", "b"] }, { allowedProviders: ["b", "c"] }, "restrictive"],
    [
      "one network as two",
      { ipAllowlist: ["10.0.0.0/8"] },
      { ipAllowlist: ["10.0.0.0/9", "10.128.0.0/9"] },
      "neutral",
    ],
    ["a wider network", { ipAllowlist: ["10.1.0.0/16"] }, { ipAllowlist: ["10.0.0.0/8"] }, "giving"],
    [
      "all of IPv6 for some of IPv4",
      { ipAllowlist: ["10.1.0.0/16"] },
      { ipAllowlist: ["::/0"] },
      "restrictive",
    ],
    ["fewer gateways", { gatewayIds: ["gw_1", "gw_2"] }, { gatewayIds: ["gw_1"] }, "restrictive"],
    ["all gateways", { gatewayIds: ["gw_1"] }, {}, "giving"],
    ["another project", {}, { projectId: "prj_000000000002" }, "restrictive"],
    [
      "a secret of another generation",
      { generation: 2, hashes: [old, now] },
      { generation: 2, hashes: [{ ...old, generation: 2 }, now] },
      "restrictive",
    ],
    [
      "MCP off, its mode kept",
      { mcp: { enabled: true, mode: "allow-all" } },
      { mcp: { enabled: false, mode: "allow-all" } },
      "restrictive",
    ],
    ["MCP on", {}, { mcp: { enabled: true, mode: "allow-all" } }, "giving"],
    ["MCP on for nobody", {}, { mcp: { enabled: true, mode: "deny-all" } }, "neutral"],
    [
      "MCP fewer tools",
      { mcp: { enabled: true, mode: "allow-all" } },
      { mcp: { enabled: true, mode: "allow-all", tools: { a: [] } } },
      "restrictive",
    ],
    ["a wider list and a shorter life", { allowedModels: ["a"] }, { expiresAtMs: NOW_MS }, "restrictive"],
  ])("%s", (_, before, after, effect) => {
    expect(effectOf(buildKey(before), buildKey(after))).toBe(effect);
  });
});

test("an MCP policy covers another exactly when no server and no tool of one is in that one alone", () => {
  fc.assert(
    fc.property(anyMcp, anyMcp, (outer, inner) => {
      const naive = ["files", "mail", "unnamed"].every(
        (server) =>
          (!allowsServer(inner, server) || allowsServer(outer, server)) &&
          ["read", "write", "unnamed"].every(
            (tool) => !allowsTool(inner, server, tool) || allowsTool(outer, server, tool),
          ),
      );
      expect(coversMcp(outer, inner)).toBe(naive);
    }),
    { numRuns: 3000 },
  );
});

test.each(["files ", "Files", "ﬁles", "__proto__", "constructor", ""])(
  "MCP names match by bytes: %j is not on the list",
  (server) => {
    const policy = { enabled: true, mode: "allow-list", servers: ["files"] } as const;
    expect(allowsTool({ ...policy, servers: ["files"] }, server, "read")).toBe(false);
    const tools = { files: ["read"] };
    expect(allowsTool({ ...policy, servers: ["files"], tools }, "files", server)).toBe(false);
  },
);
