import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  buildKey,
  buildPolicy,
  buildProject,
  buildProvider,
  buildView,
  FRESH,
  fakeDigest,
  NOW_MS,
  type Records,
} from "../testing/records.ts";
import type { KeyRecord, PolicyRecord, ProjectRecord, ProviderRecord } from "../wire/record.ts";
import { admitKey, admitToken, type Caller } from "./admit.ts";
import { parseIp } from "./ip.ts";
import { admitModel } from "./model.ts";
import { recheck } from "./recheck.ts";
import type { Freshness } from "./view.ts";

const CALLER: Caller = { hash: fakeDigest("secret"), gatewayId: "gw_1", ip: parseIp("203.0.113.9") };

/** All that one request is judged by. */
interface Case {
  key: KeyRecord;
  project: ProjectRecord | undefined;
  policy: PolicyRecord | undefined;
  providers: ProviderRecord[];
  configured: boolean;
  freshness: Freshness;
  caller: Caller;
  model: string;
}

const good = (): Case => ({
  key: buildKey(),
  project: buildProject(),
  policy: buildPolicy(),
  providers: [buildProvider()],
  configured: true,
  freshness: FRESH,
  caller: CALLER,
  model: "echo",
});

/** `forwarded`, or the code of the first refusal on the way. */
function judge(it: Case): string {
  const records: Records = { ...it, keys: [it.key], projects: it.project ? [it.project] : [] };
  const view = buildView(records);
  const decision = admitKey(view, it.freshness, it.caller, true);
  if (decision.kind !== "admitted")
    return decision.kind === "refused" ? decision.refusal.code : decision.kind;
  const model = admitModel(view, decision.principal, it.model);
  if (model.kind === "refused") return model.refusal.code;
  const late = recheck(view, it.freshness, decision.principal, it.model, model.routes[0]);
  return late === undefined ? "forwarded" : late.code;
}

const second = buildProvider({ id: "llm_000000000002", provider: "other", name: "other" });
const present = { hash: fakeDigest("secret"), generation: 1 };

/** Every way to fail, in the order of §4.2. */
const failures: readonly (readonly [string, (it: Case) => void])[] = [
  ["no_configuration", (it) => (it.configured = false)],
  ["invalid_api_key", (it) => (it.caller = { ...it.caller, hash: fakeDigest("unknown") })],
  ["key_revoked", (it) => (it.key = { ...it.key, status: "revoked" })],
  ["key_inactive", (it) => (it.key = { ...it.key, status: "inactive" })],
  ["key_expired", (it) => (it.key = { ...it.key, expiresAtMs: NOW_MS })],
  ["key_rotated", (it) => (it.key = { ...it.key, hashes: [{ ...present, notAfterMs: NOW_MS }] })],
  ["project_disabled", (it) => (it.project = buildProject({ ...it.project, enabled: false }))],
  ["organization_disabled", (it) => (it.policy = buildPolicy({ ...it.policy, enabled: false }))],
  ["authorization_stale", (it) => (it.key = { ...it.key, maxStalenessSeconds: 5 })],
  ["gateway_not_allowed", (it) => (it.key = { ...it.key, gatewayIds: ["gw_2"] })],
  ["ip_not_allowed", (it) => (it.key = { ...it.key, ipAllowlist: ["10.0.0.0/8"] })],
  ["model_not_found", (it) => (it.model = "nothing")],
  ["model_not_allowed", (it) => (it.key = { ...it.key, allowedModels: ["gpt*"] })],
  ["provider_not_allowed", (it) => (it.key = { ...it.key, allowedProviders: ["nobody"] })],
  ["ambiguous_model", (it) => (it.providers = [...it.providers, second])],
  [
    "budget_unavailable",
    (it) => (it.project = { ...buildProject(it.project), budgetId: "bud_000000000001" }),
  ],
];

describe("I26: the order of checks is fixed", () => {
  test("nothing fails: forwarded", () => expect(judge(good())).toBe("forwarded"));

  test.each(failures)("%s alone", (code, fail) => {
    const it = good();
    it.freshness = { ageMs: 10_000, nowMs: NOW_MS };
    fail(it);
    expect(judge(it)).toBe(code);
  });

  test("of any set of failures, applied in any order, the first of the order is the answer, every time", () => {
    const sets = fc.shuffledSubarray(
      failures.map((_, i) => i),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(sets, (chosen) => {
        const it = good();
        it.freshness = { ageMs: 10_000, nowMs: NOW_MS };
        // Both are the key's status, and the earlier one must be the one that stands.
        const ordered = chosen.includes(2) ? chosen.filter((i) => i !== 3) : chosen;
        for (const i of ordered) failures[i]?.[1](it);
        const expected = failures[Math.min(...ordered)]?.[0];
        expect(judge(it)).toBe(expected);
        expect(judge(it)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  test.each(failures.flatMap((a, i) => failures.slice(i + 1).map((b) => [a, b] as const)))(
    "of each pair the earlier one: %s",
    (a, b) => {
      const it = good();
      it.freshness = { ageMs: 10_000, nowMs: NOW_MS };
      b[1](it);
      a[1](it);
      expect(judge(it)).toBe(a[0]);
    },
  );
});

describe("freshness", () => {
  const at = (ageMs: number, key: Partial<KeyRecord> = {}, hash = "secret", waited = true) => {
    const view = buildView({ keys: [buildKey(key)] });
    const caller = { ...CALLER, hash: fakeDigest(hash) };
    const decision = admitKey(view, { ageMs, nowMs: NOW_MS }, caller, waited);
    return decision.kind === "refused" ? decision.refusal.code : decision.kind;
  };

  test("a live key is served to the last millisecond of its staleness and not one longer", () => {
    expect(at(900_000)).toBe("admitted");
    expect(at(900_000.001)).toBe("authorization_stale");
    expect(at(Number.POSITIVE_INFINITY)).toBe("authorization_stale");
    expect(at(Number.NaN)).toBe("authorization_stale");
  });

  test.each<[string, Partial<KeyRecord>]>([
    ["key_revoked", { status: "revoked" }],
    ["key_revoked", { status: "deleted" }],
    ["key_inactive", { status: "inactive" }],
    ["key_expired", { expiresAtMs: NOW_MS - 1 }],
    ["key_rotated", { hashes: [{ ...present, notAfterMs: NOW_MS - 1 }] }],
  ])("%s stays 401 however stale the table is", (code, key) => {
    expect(at(Number.POSITIVE_INFINITY, key)).toBe(code);
  });

  test("an unknown hash: 401 while sure, else a wait, then 401 up to 30 s and 503 beyond", () => {
    expect(at(2_000, {}, "nobody", false)).toBe("invalid_api_key");
    expect(at(2_001, {}, "nobody", false)).toBe("unsure");
    expect(at(2_001, {}, "nobody", true)).toBe("invalid_api_key");
    expect(at(30_000, {}, "nobody", true)).toBe("invalid_api_key");
    expect(at(30_001, {}, "nobody", true)).toBe("authorization_stale");
    expect(at(Number.NaN, {}, "nobody", true)).toBe("authorization_stale");
  });

  test.each(["agent", "hidden"] as const)("the hash of a record of kind %s admits nobody", (kind) => {
    expect(at(0, { kind })).toBe("invalid_api_key");
  });
});

describe("instants are exact (K6, K7)", () => {
  const at = (nowMs: number, key: Partial<KeyRecord>) => {
    const decision = admitKey(buildView({ keys: [buildKey(key)] }), { ageMs: 0, nowMs }, CALLER);
    return decision.kind === "refused" ? decision.refusal.code : decision.kind;
  };
  test.each([-1, 0, 1])("at the deadline %d ms", (step) => {
    const over = step >= 0;
    expect(at(NOW_MS + step, { expiresAtMs: NOW_MS })).toBe(over ? "key_expired" : "admitted");
    const hashes = [
      { ...present, notAfterMs: NOW_MS },
      { hash: fakeDigest("new"), generation: 2, notAfterMs: null },
    ];
    expect(at(NOW_MS + step, { generation: 2, hashes })).toBe(over ? "key_rotated" : "admitted");
  });
  test("without a usable clock nothing that ends is admitted", () => {
    expect(at(Number.NaN, { expiresAtMs: NOW_MS })).toBe("key_expired");
  });
});

describe("what the table lacks is never the client's fault (K11)", () => {
  test.each<[string, (it: Case) => void]>([
    ["the project", (it) => (it.project = undefined)],
    ["the organization", (it) => (it.policy = undefined)],
  ])("%s", (_, lack) => {
    const it = good();
    lack(it);
    expect(judge(it)).toBe("no_configuration");
  });
});

describe("a key that is closed by caution blames nobody", () => {
  const judgeClosed = (changes: Partial<KeyRecord>) => {
    const key = buildKey(changes);
    const decision = admitKey(buildView({ keys: [key], closed: [key.id] }), FRESH, CALLER);
    return decision.kind === "refused" && decision.refusal.code;
  };
  test.each<[string, Partial<KeyRecord>]>([
    ["held as inactive", { status: "inactive" }],
    ["held as active", {}],
    ["held as expired", { expiresAtMs: NOW_MS }],
    ["held as rotated", { hashes: [{ hash: CALLER.hash, generation: 1, notAfterMs: 0 }] }],
  ])("%s: 503, to try again or elsewhere", (_, changes) => {
    expect(judgeClosed(changes)).toBe("authorization_stale");
  });

  test.each(["revoked", "deleted"] as const)("%s stays a definite 401", (status) => {
    expect(judgeClosed({ status })).toBe("key_revoked");
  });

  test("its tokens are answered alike", () => {
    const key = buildKey({ status: "inactive" });
    const view = buildView({ keys: [key], closed: [key.id] });
    const none = { allowedModels: null, allowedProviders: null, ipAllowlist: null, mcp: null };
    const limits = { requestsPerMinute: null, tokensPerMinute: null };
    const own = { keyId: key.id, generation: 1, tokenId: "t", expiresAtMs: NOW_MS + 1 };
    const decision = admitToken(view, FRESH, CALLER, { ...own, ...none, ...limits });
    expect(decision).toMatchObject({ kind: "refused", refusal: { code: "authorization_stale" } });
  });
});

describe("addresses and gateways", () => {
  const from = (ip: string | undefined, ipAllowlist: string[] | null) =>
    judge({
      ...good(),
      key: buildKey({ ipAllowlist }),
      caller: { ...CALLER, ip: ip === undefined ? undefined : parseIp(ip) },
    });
  test("a list refuses whom it does not name, and whoever cannot be told", () => {
    expect(from("10.9.9.9", ["10.0.0.0/8"])).toBe("forwarded");
    expect(from("11.0.0.1", ["10.0.0.0/8"])).toBe("ip_not_allowed");
    expect(from(undefined, ["0.0.0.0/0", "::/0"])).toBe("ip_not_allowed");
    expect(from(undefined, null)).toBe("forwarded");
    expect(from("10.9.9.9", ["not a range"])).toBe("ip_not_allowed");
  });
  test("a key for this gateway among others is served here", () => {
    expect(judge({ ...good(), key: buildKey({ gatewayIds: ["gw_2", "gw_1"] }) })).toBe("forwarded");
  });
});

describe("the last look before the forward", () => {
  const admitted = () => {
    const view = buildView();
    const decision = admitKey(view, FRESH, CALLER);
    if (decision.kind !== "admitted") throw new Error("refused");
    const model = admitModel(view, decision.principal, "echo");
    if (model.kind !== "routed") throw new Error("refused");
    return { principal: decision.principal, route: model.routes[0] };
  };
  test.each<[string, Records, Freshness?]>([
    ["key_revoked", { keys: [buildKey({ status: "revoked" })] }],
    ["invalid_api_key", { keys: [] }],
    ["key_rotated", { keys: [buildKey({ hashes: [{ ...present, notAfterMs: NOW_MS }] })] }],
    ["project_disabled", { projects: [buildProject({ enabled: false })] }],
    ["authorization_stale", {}, { ageMs: 900_001, nowMs: NOW_MS }],
    ["model_not_allowed", { keys: [buildKey({ allowedModels: ["story"] })] }],
    ["provider_not_allowed", { keys: [buildKey({ allowedProviders: ["openai"] })] }],
    ["model_not_found", { providers: [] }],
    ["model_not_found", { providers: [buildProvider({ id: "llm_000000000009" })] }],
    ["budget_unavailable", { keys: [buildKey({ budgetId: "bud_000000000001" })] }],
    ["budget_unavailable", { projects: [buildProject({ budgetId: "bud_000000000001" })] }],
    ["budget_unavailable", { policy: buildPolicy({ budgetId: "bud_000000000001" }) }],
  ])("%s since admission", (code, records, freshness = FRESH) => {
    const { principal, route } = admitted();
    expect(recheck(buildView(records), freshness, principal, "echo", route)?.code).toBe(code);
  });
  test("a request is forwarded when its cost is set aside in every budget on its path, and in none less", () => {
    const { principal, route } = admitted();
    const view = buildView({
      keys: [buildKey({ budgetId: "bud_000000000001" })],
      policy: buildPolicy({ budgetId: "bud_000000000003" }),
    });
    const late = (...reserved: string[]) => recheck(view, FRESH, principal, "echo", route, reserved)?.code;
    expect(late("bud_000000000001", "bud_000000000003")).toBeUndefined();
    expect(late("bud_000000000001")).toBe("budget_unavailable");
    expect(late("bud_000000000001", "bud_000000000002")).toBe("budget_unavailable");
  });
  test("nothing that matters changed: forwarded", () => {
    const { principal, route } = admitted();
    const view = buildView({ keys: [buildKey({ metadata: { team: "a" } })] });
    expect(recheck(view, FRESH, principal, "echo", route)).toBeUndefined();
  });
});
