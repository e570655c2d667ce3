import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildKey, buildProvider, buildView, FRESH, fakeDigest, NOW_MS } from "../testing/records.ts";
import { type Asked, anyClaims, anyKey, anyRequest, type Outcome, outcomeOf } from "../testing/rights.ts";
import type { KeyRecord } from "../wire/record.ts";
import { admitKey, admitToken } from "./admit.ts";
import type { EphemeralClaims } from "./ephemeral.ts";
import { recheck } from "./recheck.ts";

const LIVE = fakeDigest("live");

/** The parent with a secret that lives as long as it does: what the key itself may do at this moment. */
function withSecret(key: KeyRecord): KeyRecord {
  return { ...key, hashes: [...key.hashes, { hash: LIVE, generation: key.generation, notAfterMs: null }] };
}

describe("I16: a token's rights are within its parent's present rights", () => {
  test("whatever a token may do, its parent may do at that moment, and its claims say so too", () => {
    let admitted = 0;
    const counted: Judge = (...input) => {
      const child = outcomeOf(...input);
      if (child.code === undefined) admitted++;
      return child;
    };
    fc.assert(within(counted), { numRuns: 6000 });
    expect(admitted).toBeGreaterThan(200);
  });

  test("a parent that is dead, or of another generation without grace, has no living token", () => {
    fc.assert(dead(outcomeOf), { numRuns: 2000 });
  });

  test.each<[string, Judge]>([
    [
      "the parent is the one that it was, not looked up",
      (_parent, asked, claims) => outcomeOf(buildKey(), asked, claims),
    ],
    [
      "the parent's limits are not looked up, only whether it lives",
      ({ status, generation, hashes, expiresAtMs }, asked, claims) =>
        outcomeOf(buildKey({ status, generation, hashes, expiresAtMs }), asked, claims),
    ],
    [
      "the claims are not looked at",
      (parent, asked, { keyId, generation, tokenId, expiresAtMs }) =>
        outcomeOf(parent, asked, { ...claims, keyId, generation, tokenId, expiresAtMs }),
    ],
    [
      "the token does not expire",
      (parent, asked, claims) =>
        outcomeOf(parent, asked, { ...claims, expiresAtMs: Number.MAX_SAFE_INTEGER }),
    ],
  ])("control: a gateway where %s is told from a right one", (_what, mutant) => {
    expect(fc.check(within(mutant), { numRuns: 6000, seed: 16 }).failed).toBe(true);
  });

  test.each<[string, Judge]>([
    ["the parent is not looked up", (_parent, asked, claims) => outcomeOf(buildKey(), asked, claims)],
    [
      "the generation is not checked",
      (parent, asked, claims) => outcomeOf(parent, asked, { ...claims, generation: parent.generation }),
    ],
    [
      "a grace never ends",
      (parent, asked, claims) => {
        const forever = parent.hashes.map((hash) => ({ ...hash, notAfterMs: Number.MAX_SAFE_INTEGER }));
        return outcomeOf({ ...parent, hashes: forever }, asked, claims);
      },
    ],
  ])("control: a gateway where %s is told from one where children die", (_what, mutant) => {
    expect(fc.check(dead(mutant), { numRuns: 2000, seed: 16 }).failed).toBe(true);
  });
});

type Judge = (parent: KeyRecord, asked: Asked, claims: EphemeralClaims) => Outcome;

/** The child's rights are within those of the parent at this moment, and within what it claims. */
function within(judge: Judge) {
  return fc.property(anyKey, anyClaims, anyRequest, (parent, claims, asked) => {
    const child = judge(parent, asked, claims);
    const whole = outcomeOf(withSecret(parent), { ...asked, hash: LIVE });
    if (child.mayCallTool) expect(whole.mayCallTool).toBe(true);
    if (child.code !== undefined) return;
    expect([undefined, "ambiguous_model"]).toContain(whole.code);
    if (whole.code === undefined) expect(whole.routes).toEqual(expect.arrayContaining([...child.routes]));
    child.limits.forEach((limit, i) => {
      const parents = whole.limits[i];
      expect(limit ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(parents ?? Number.POSITIVE_INFINITY);
    });
    expect(asked.freshness.nowMs).toBeLessThan(claims.expiresAtMs);
    // A key with exactly the token's claims and no other limit.
    const { allowedModels, allowedProviders, ipAllowlist } = claims;
    const alone = buildKey({ allowedModels, allowedProviders, ipAllowlist, maxStalenessSeconds: 604_800 });
    const claimed = outcomeOf(withSecret(alone), { ...asked, hash: LIVE });
    expect([undefined, "ambiguous_model"]).toContain(claimed.code);
  });
}

/** No child of a dead parent lives. */
function dead(judge: Judge) {
  return fc.property(anyKey, anyClaims, anyRequest, (parent, claims, asked) => {
    const { nowMs } = asked.freshness;
    const over = parent.expiresAtMs !== null && nowMs >= parent.expiresAtMs;
    const graced = parent.hashes.some(
      (hash) => hash.generation === claims.generation && hash.notAfterMs !== null && nowMs < hash.notAfterMs,
    );
    const rotated = parent.generation !== claims.generation && !graced;
    fc.pre(parent.status !== "active" || over || rotated);
    expect(judge(parent, asked, claims).code).toBeDefined();
  });
}

const claims: EphemeralClaims = {
  keyId: buildKey().id,
  generation: 1,
  tokenId: "token",
  expiresAtMs: NOW_MS + 1,
  allowedModels: null,
  allowedProviders: null,
  ipAllowlist: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  mcp: null,
};
const caller = { hash: fakeDigest("token"), gatewayId: "gw_1", ip: undefined };

function judge(key: Partial<KeyRecord>, token: Partial<EphemeralClaims> = {}, freshness = FRESH): string {
  const view = buildView({ keys: [buildKey(key)] });
  const decision = admitToken(view, freshness, caller, { ...claims, ...token });
  return decision.kind === "refused" ? decision.refusal.code : decision.kind;
}

test.each<[string, Partial<KeyRecord>, Partial<EphemeralClaims>]>([
  ["admitted", {}, {}],
  ["token_expired", { status: "revoked" }, { expiresAtMs: NOW_MS }],
  ["parent_revoked", { status: "revoked" }, {}],
  ["parent_revoked", { status: "deleted", generation: 2 }, {}],
  ["key_inactive", { status: "inactive" }, {}],
  ["key_expired", { expiresAtMs: NOW_MS }, {}],
  ["parent_rotated", { generation: 2 }, {}],
  ["parent_rotated", {}, { generation: 2 }],
  ["parent_rotated", { generation: 2, hashes: [{ hash: LIVE, generation: 1, notAfterMs: NOW_MS }] }, {}],
  ["admitted", { generation: 2, hashes: [{ hash: LIVE, generation: 1, notAfterMs: NOW_MS + 1 }] }, {}],
  ["ip_not_allowed", {}, { ipAllowlist: ["10.0.0.0/8"] }],
  ["ip_not_allowed", { ipAllowlist: ["10.0.0.0/8"] }, {}],
  ["gateway_not_allowed", { gatewayIds: ["gw_2"] }, {}],
  ["admitted", { kind: "agent", hashes: [] }, {}],
  ["admitted", { kind: "hidden", hashes: [] }, {}],
  ["invalid_token", {}, { keyId: "key_unknown" }],
])("a token is answered %s: %j %j", (code, key, token) => expect(judge(key, token)).toBe(code));

test("a token killed by its id is refused beside a living parent, and a token that is over is over", () => {
  const view = buildView({ denied: [claims.tokenId] });
  const codeOf = (token: Partial<EphemeralClaims>) =>
    admitToken(view, FRESH, caller, { ...claims, ...token });
  expect(codeOf({})).toMatchObject({ refusal: { code: "token_revoked" } });
  expect(codeOf({ tokenId: "another" })).toMatchObject({ kind: "admitted" });
  expect(codeOf({ expiresAtMs: NOW_MS })).toMatchObject({ refusal: { code: "token_expired" } });
});

test("a token that is over by this clock alone is told no, and that it is dead only when that is certain", () => {
  const codeAt = (freshness: { nowMs: number; nowMsMin: number }, token: Partial<EphemeralClaims> = {}) => {
    const decision = admitToken(buildView(), { ageMs: 0, ...freshness }, caller, { ...claims, ...token });
    return decision.kind === "refused" ? decision.refusal.code : decision.kind;
  };
  const { expiresAtMs } = claims;
  expect(codeAt({ nowMs: expiresAtMs - 1, nowMsMin: expiresAtMs - 9 })).toBe("admitted");
  expect(codeAt({ nowMs: expiresAtMs, nowMsMin: expiresAtMs - 1 })).toBe("authorization_stale");
  expect(codeAt({ nowMs: expiresAtMs, nowMsMin: expiresAtMs })).toBe("token_expired");
  // What is certain goes first.
  expect(codeAt({ nowMs: expiresAtMs, nowMsMin: 0 }, { generation: 9 })).toBe("parent_rotated");
});

test("a token that is closed by caution is told no, and not that it is dead", () => {
  const view = buildView({ closed: [claims.tokenId] });
  const refusal = { code: "authorization_stale" };
  expect(admitToken(view, FRESH, caller, claims)).toMatchObject({ refusal });
});

test("a token of an unknown parent waits like an unknown key", () => {
  const unknown = { keyId: "key_unknown" };
  expect(judge({}, unknown, { ageMs: 2_001, nowMs: NOW_MS })).toBe("unsure");
});

test("a token dies between admission and forward with its parent", () => {
  const view = buildView();
  const decision = admitToken(view, FRESH, caller, claims);
  if (decision.kind !== "admitted") throw new Error("refused");
  const route = { provider: buildProvider(), model: "echo" };
  const dead = buildView({ keys: [buildKey({ status: "inactive" })] });
  expect(recheck(dead, FRESH, decision.principal, "echo", route)?.code).toBe("key_inactive");
  const late = { ageMs: 0, nowMs: NOW_MS + 1 };
  expect(recheck(view, late, decision.principal, "echo", route)?.code).toBe("token_expired");
  expect(recheck(view, FRESH, decision.principal, "echo", route)).toBeUndefined();
});

test("the hash of a token is no key's", () => {
  expect(admitKey(buildView(), FRESH, caller)).toMatchObject({ refusal: { code: "invalid_api_key" } });
});
