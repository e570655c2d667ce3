import type { IncomingMessage, ServerResponse } from "node:http";
import { type Refusal, refusals } from "@claviger/shared/decide/refusals";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Dialect } from "../../forward/surfaces.ts";
import {
  type Answered,
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

/** PROTOCOL §4.3: whose fault it is, in the words of the table. */
type Type = "IR" | "AU" | "PE" | "RL" | "SU" | "UP" | "SE";

interface Told {
  readonly status: number;
  readonly type: Type;
  readonly code: Refusal["code"];
  readonly param?: string;
  /** Beside those that every answer has; what is not named is not there. */
  readonly headers?: Readonly<Record<string, string>>;
}

const OPENAI: Record<Type, string> = {
  IR: "invalid_request_error",
  AU: "authentication_error",
  PE: "permission_error",
  RL: "rate_limit_error",
  SU: "service_unavailable",
  UP: "upstream_error",
  SE: "server_error",
};
const ANTHROPIC: Record<Type, string> = {
  ...{ IR: "invalid_request_error", AU: "authentication_error", PE: "permission_error" },
  ...{ RL: "rate_limit_error", SU: "overloaded_error", UP: "api_error", SE: "api_error" },
};
const GOOGLE: Record<number, string> = {
  ...{ 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL" },
  ...{ 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED" },
};
const PATHS: Record<Dialect, string> = {
  openai: "/v1/chat/completions",
  anthropic: "/v1/messages",
  gemini: "/v1beta/models/echo:generateContent",
};
const DIALECTS = Object.keys(PATHS) as Dialect[];
/** Those that may stand on a refusal, and say something. */
const TELLING = ["retry-after", "x-should-retry", "www-authenticate", "allow"];

function bodyOf(
  dialect: Dialect,
  { status, type, code, param }: Told,
  requestId: string,
  names = "",
): string {
  const message = refusals[code].message.replace("{names}", names);
  if (dialect === "openai")
    return JSON.stringify({ error: { message, type: OPENAI[type], param: param ?? null, code } });
  if (dialect === "anthropic") {
    const own = status === 504 ? "timeout_error" : ANTHROPIC[type];
    return JSON.stringify({ type: "error", error: { type: own, message }, request_id: requestId });
  }
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: code, domain: "claviger" };
  const details = [{ ...info, metadata: param === undefined ? {} : { param } }];
  return JSON.stringify({ error: { code: status, message, status: GOOGLE[status], details } });
}

function expectTold(answer: Answered, dialect: Dialect, told: Told, names?: string): void {
  const requestId = String(answer.headers["x-request-id"]);
  expect(requestId).toMatch(/^req_[0-9A-Za-z]{12}$/);
  expect([answer.status, answer.body]).toEqual([told.status, bodyOf(dialect, told, requestId, names)]);
  expect(answer.headers).toMatchObject({
    "content-type": "application/json",
    "x-claviger-code": told.code,
    "x-claviger-gateway": "test-1",
    "cache-control": "no-store",
    ...told.headers,
  });
  for (const name of TELLING)
    expect(`${name} ${answer.headers[name]}`).toBe(`${name} ${told.headers?.[name]}`);
}

let behave: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
let provider: Provider;
let gateway: TestGateway;

beforeEach(async () => {
  behave = (_in, out) => void out.writeHead(200, { "content-type": "application/json" }).end("{}");
  provider = await startProvider((incoming, outgoing) => behave(incoming, outgoing));
  const timeouts = { headersTimeoutMs: 200, idleTimeoutMs: 200, firstByteTimeoutMs: 200 };
  gateway = await startGateway(provider, { ...timeouts, answerBytesMax: 1000 });
});
afterEach(async () => {
  await gateway.stop();
  await provider.stop();
});

function ask(dialect: Dialect, secret: string): Promise<Answered> {
  const body = dialect === "gemini" ? '{"contents":[]}' : '{"model":"echo","max_tokens":5,"messages":[]}';
  return call(gateway.url + PATHS[dialect], { headers: jsonHeaders(secret), body });
}

const INVALID = { "www-authenticate": 'Bearer error="invalid_token"' };
const disabled = (code: Refusal["code"]): Told => ({ status: 401, type: "AU", code, headers: INVALID });
const stale: Told = {
  ...{ status: 503, type: "SU", code: "authorization_stale" },
  headers: { "retry-after": "10" },
};

describe.each(DIALECTS)("before the forward, in %s's shape", (dialect) => {
  const refused = async (secret: string, told: Told, names?: string) => {
    expectTold(await ask(dialect, secret), dialect, told, names);
    expect(provider.bytes()).toBe(0);
    expect(gateway.ledger.opened).toEqual([]);
  };

  test.each<[string, number]>([
    ["proved", 100],
    ["stale", 10_000_000],
  ])(
    "a disabled project or organization refuses its keys, while the table is %s, and nothing of it stays",
    async (_name, ageMs) => {
      const { secret } = gateway.table.addKey();
      const { project, policy, freshness } = gateway.table;
      gateway.table.freshness = { ...freshness, ageMs };
      gateway.table.project = { ...project, enabled: false };
      await refused(secret, disabled("project_disabled"));
      gateway.table.policy = { ...policy, enabled: false };
      gateway.table.project = project;
      await refused(secret, disabled("organization_disabled"));
      gateway.table.policy = policy;
      gateway.table.freshness = freshness;
      expect((await ask(dialect, secret)).status).toBe(200);
    },
  );

  test("an active key beyond its staleness is nobody's fault; a dead one is dead at any staleness", async () => {
    gateway.table.freshness = { ...gateway.table.freshness, ageMs: 61_000 };
    await refused(gateway.table.addKey({ maxStalenessSeconds: 60 }).secret, stale);
    for (const [status, code] of [
      ["revoked", "key_revoked"],
      ["deleted", "key_revoked"],
      ["inactive", "key_inactive"],
    ] as const) {
      const { secret } = gateway.table.addKey({ maxStalenessSeconds: 60, status });
      await refused(secret, disabled(code));
    }
    const expired = gateway.table.addKey({ maxStalenessSeconds: 60, expiresAtMs: 1 });
    await refused(expired.secret, disabled("key_expired"));
    expect((await ask(dialect, gateway.table.addKey({ maxStalenessSeconds: 62 }).secret)).status).toBe(200);
  });

  test("without a table", async () => {
    Object.defineProperty(gateway.table.view, "configured", { value: false });
    const told: Told = {
      status: 503,
      type: "SU",
      code: "no_configuration",
      headers: { "retry-after": "10" },
    };
    await refused(gateway.table.addKey().secret, told);
  });

  test("a key of other gateways", async () => {
    const { secret } = gateway.table.addKey({ gatewayIds: ["gw_000000000009"] });
    await refused(secret, { status: 403, type: "PE", code: "gateway_not_allowed" });
  });

  test("a shutdown says that the connection ends", async () => {
    gateway.follower.drains = true;
    const headers = { "retry-after": "1", connection: "close" };
    await refused(gateway.table.addKey().secret, { status: 503, type: "SU", code: "draining", headers });
  });

  test("one request too many at the same time", async () => {
    const { secret } = gateway.table.addKey({ maxConcurrency: 0 });
    const headers = { "retry-after": "1" };
    await refused(secret, { status: 429, type: "RL", code: "rate_limit_exceeded", headers }, "concurrency");
  });

  test("no open record", async () => {
    gateway.ledger.records = false;
    const answer = await ask(dialect, gateway.table.addKey().secret);
    const headers = { "retry-after": "10" };
    expectTold(answer, dialect, { status: 503, type: "SU", code: "audit_unavailable", headers });
    expect(provider.bytes()).toBe(0);
  });

  test("what nobody expected says nothing of itself", async () => {
    gateway.ledger.open = async () => {
      throw new Error("at /home/operator/secrets.ts:7");
    };
    const answer = await ask(dialect, gateway.table.addKey().secret);
    expectTold(answer, dialect, { status: 500, type: "SE", code: "internal_error" });
    expect(provider.bytes()).toBe(0);
  });
});

const JSON_TYPE = { "content-type": "application/json" };
const answers = (status: number, headers: Record<string, string> = JSON_TYPE): typeof behave => {
  return (_in, out) => void out.writeHead(status, headers).end("{}");
};
const up = (code: Refusal["code"], status = 502, headers: Record<string, string> = {}): Told => ({
  ...{ status, type: status === 429 ? "RL" : "UP", code, headers },
});
const NO_RETRY = { "x-should-retry": "false" };

const failures: [string, typeof behave, Told][] = [
  ["401", answers(401), up("provider_auth_failed", 502, NO_RETRY)],
  ["403", answers(403), up("provider_auth_failed", 502, NO_RETRY)],
  ["429", answers(429), up("provider_rate_limited", 429, { "retry-after": "1" })],
  [
    "429 with a time",
    answers(429, { ...JSON_TYPE, "retry-after": "17" }),
    up("provider_rate_limited", 429, { "retry-after": "17" }),
  ],
  ["500", answers(500), up("provider_error")],
  ["529", answers(529), up("provider_error")],
  ["silence", () => undefined, up("provider_timeout", 504)],
  [
    "silence after the head",
    (_in, out) => void out.writeHead(200, JSON_TYPE).flushHeaders(),
    up("provider_timeout", 504),
  ],
  ["reset", (incoming) => void incoming.socket.resetAndDestroy(), up("provider_disconnected")],
  ["garbage", (incoming) => void incoming.socket.end("\0\0\0\0"), up("provider_bad_response")],
  ["a page", answers(200, { "content-type": "text/html" }), up("provider_bad_response")],
  ["a redirect", answers(307, { location: "http://10.0.0.1" }), up("upstream_blocked", 502, NO_RETRY)],
  [
    "too much",
    (_in, out) => void out.writeHead(200, { ...JSON_TYPE, "content-length": "1001" }).write("{"),
    up("provider_response_too_large", 502, NO_RETRY),
  ],
];

describe.each(DIALECTS)("what the provider answers with, in %s's shape", (dialect) => {
  test.each(failures)("%s", async (_name, how, told) => {
    behave = how;
    const { secret, record } = gateway.table.addKey({ metadata: { team: "blue", cost: { centre: 7 } } });
    const answer = await ask(dialect, secret);
    expectTold(answer, dialect, told);
    expect(answer.headers["x-claviger-key"]).toBe(record.id);
    await gateway.ledger.settledCount(1);
    const [settled] = gateway.ledger.settlements;
    expect(settled).toMatchObject({ status: told.status, code: told.code });
    // It is echoed in the log as it is now.
    expect(settled?.admission.key.metadata).toEqual({ team: "blue", cost: { centre: 7 } });
  });
});
