/**
 * Generators of keys, tokens and requests from a universe so small that rights meet requests often; and the way of one
 * request through admission. For property tests of what a change or a token may take or give.
 */
import fc from "fast-check";
import { admitKey, admitToken, type KeyDecision } from "../decide/admit.ts";
import type { EphemeralClaims } from "../decide/ephemeral.ts";
import { parseIp } from "../decide/ip.ts";
import { allowsTool } from "../decide/mcp.ts";
import { admitModel } from "../decide/model.ts";
import type { Freshness, TableView } from "../decide/view.ts";
import type { KeyRecord, McpPolicy } from "../wire/record.ts";
import { buildKey, buildProvider, buildView, fakeDigest, NOW_MS } from "./records.ts";

/** null every second time. */
const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 2 });
const some = <T>(...from: T[]) => fc.subarray(from, { minLength: 1 });

const models = nullable(some("gpt", "gpt-4", "gpt*", "g*", "*", "claude", "openai/*", "eu/gpt"));
const providerNames = nullable(some("openai", "anthropic"));
const ranges = nullable(some("10.0.0.0/8", "10.1.0.0/16", "10.128.0.0/9", "10.0.0.0/9", "2001:db8::/32"));
const limit = nullable(fc.constantFrom(0, 1, 10));
/** Around now, and more often well ahead: what is refused early says little about the rights behind it. */
const moment = fc.constantFrom(-1, 0, 1, 1000, 1000, 1000, 1000).map((step) => NOW_MS + step);
const instant = nullable(moment);
const server = fc.constantFrom("files", "mail");

export const anyMcp: fc.Arbitrary<McpPolicy> = fc.oneof(
  fc.constant<McpPolicy>({ enabled: false }),
  fc.record<McpPolicy>(
    {
      enabled: fc.constant(true),
      mode: fc.constantFrom("allow-all", "deny-all", "allow-list", "deny-list"),
      servers: fc.uniqueArray(server, { minLength: 1 }),
      tools: fc.dictionary(server, fc.uniqueArray(fc.constantFrom("read", "write")), {
        noNullPrototype: true,
      }),
    },
    { requiredKeys: ["enabled", "mode"] },
  ),
);

const hash = fc.record({
  hash: fc.constantFrom("a", "b", "c").map(fakeDigest),
  generation: fc.constantFrom(1, 2),
  notAfterMs: instant,
});

/** Any key that the small universe has. */
export const anyKey: fc.Arbitrary<KeyRecord> = fc
  .record({
    generation: fc.constantFrom(1, 1, 1, 2),
    hashes: fc.uniqueArray(hash, { selector: (each) => each.hash, maxLength: 3 }),
    status: fc.oneof(
      { weight: 7, arbitrary: fc.constant("active") },
      fc.constantFrom("inactive", "revoked", "deleted"),
    ),
    expiresAtMs: instant,
    maxStalenessSeconds: fc.constantFrom(30, 60, 900),
    requestsPerMinute: limit,
    tokensPerMinute: limit,
    maxConcurrency: limit,
    toolCallsPerMinute: limit,
    budgetId: nullable(fc.constantFrom("bud_000000000001", "bud_000000000002")),
    allowedProviders: providerNames,
    allowedModels: models,
    ipAllowlist: ranges,
    gatewayIds: nullable(some("gw_1", "gw_2")),
    mcp: anyMcp,
  } satisfies Partial<Record<keyof KeyRecord, unknown>>)
  .map((changes) => withEnds(buildKey(changes as Partial<KeyRecord>)));

/** As keys really are: only a secret of the present generation has no end. */
export function withEnds(key: KeyRecord): KeyRecord {
  const { generation, hashes } = key;
  const ended = hashes.map((each) =>
    each.generation === generation ? each : { ...each, notAfterMs: each.notAfterMs ?? NOW_MS + 1000 },
  );
  return { ...key, hashes: ended };
}

/** Any token of the small universe's only key. */
export const anyClaims: fc.Arbitrary<EphemeralClaims> = fc.record({
  keyId: fc.constant(buildKey().id),
  generation: fc.constantFrom(1, 1, 1, 2),
  tokenId: fc.constant("token"),
  expiresAtMs: moment,
  allowedModels: models,
  allowedProviders: providerNames,
  ipAllowlist: ranges,
  requestsPerMinute: limit,
  tokensPerMinute: limit,
  mcp: nullable(anyMcp),
});

/** One request, and the state of the replica that it meets. */
export interface Asked {
  readonly hash: string;
  readonly gatewayId: string;
  readonly ip: string | undefined;
  readonly model: string;
  readonly server: string;
  readonly tool: string;
  readonly freshness: Freshness;
}

export const anyRequest: fc.Arbitrary<Asked> = fc.record({
  hash: fc.constantFrom("a", "b", "c").map(fakeDigest),
  gatewayId: fc.constantFrom("gw_1", "gw_2"),
  ip: fc.constantFrom("10.0.0.1", "10.1.0.1", "10.200.0.1", "192.0.2.1", "2001:db8::1", undefined),
  model: fc.constantFrom("gpt", "gpt-4", "gpt-mini", "claude", "openai/gpt", "eu/gpt", "anthropic/claude"),
  server: fc.constantFrom("files", "mail", "other"),
  tool: fc.constantFrom("read", "write", "other"),
  freshness: fc.record({
    ageMs: fc.constantFrom(0, 0, 0, 0, 30_000, 30_000, 60_000, 60_001, 1_000_000),
    nowMs: fc.constantFrom(-1, 0, 1).map((step) => NOW_MS + step),
  }),
});

const providers = [
  buildProvider({ id: "llm_1", provider: "openai", name: "openai", models: ["gpt", "gpt-4", "gpt-mini"] }),
  buildProvider({ id: "llm_2", provider: "openai", name: "eu", models: ["gpt"] }),
  buildProvider({ id: "llm_3", provider: "anthropic", name: "anthropic", models: ["claude", "gpt-4"] }),
];

/** What one request is answered, and with which limits; `code` is undefined when it is admitted. */
export interface Outcome {
  readonly code: string | undefined;
  readonly routes: readonly string[];
  readonly limits: readonly (number | null)[];
  readonly budgetId: string | null;
  /** May it call that tool of that server? A right of its own, asked for in the same breath. */
  readonly mayCallTool: boolean;
}

/** The way of a request through admission, by the key's secret or by a token of it. */
export function outcomeOf(key: KeyRecord, asked: Asked, claims?: EphemeralClaims): Outcome {
  const view = buildView({ keys: [key], providers });
  const ip = asked.ip === undefined ? undefined : parseIp(asked.ip);
  const caller = { hash: asked.hash, gatewayId: asked.gatewayId, ip };
  const decision = claims
    ? admitToken(view, asked.freshness, caller, claims, true)
    : admitKey(view, asked.freshness, caller, true);
  return route(view, decision, asked);
}

function route(view: TableView, decision: KeyDecision, asked: Asked): Outcome {
  const none = { routes: [], limits: [], budgetId: null, mayCallTool: false };
  if (decision.kind === "unsure") return { code: "unsure", ...none };
  if (decision.kind === "refused") return { code: decision.refusal.code, ...none };
  const { principal } = decision;
  const { key, claims, requestsPerMinute, tokensPerMinute, maxConcurrency } = principal;
  const model = admitModel(view, principal, asked.model);
  const tools = [key.mcp, ...(claims?.mcp ? [claims.mcp] : [])];
  return {
    code: model.kind === "refused" ? model.refusal.code : undefined,
    routes: model.kind === "refused" ? [] : model.routes.map(({ provider }) => provider.id),
    limits: [requestsPerMinute, tokensPerMinute, maxConcurrency, key.toolCallsPerMinute ?? null],
    budgetId: key.budgetId,
    mayCallTool: tools.every((policy) => allowsTool(policy, asked.server, asked.tool)),
  };
}
