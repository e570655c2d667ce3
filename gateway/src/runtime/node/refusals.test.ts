import { parseApiKey } from "@claviger/shared/key/secret";
import { afterAll, beforeAll, expect, test } from "vitest";
import { routes } from "../../forward/routes.ts";
import { mcpRoutes } from "../../mcp/routes.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

let provider: Provider;
let gateway: TestGateway;
let secret: string;

beforeAll(async () => {
  provider = await startProvider((_in, out) => {
    out.writeHead(200, { "content-type": "application/json" });
    out.end("{}");
  });
  gateway = await startGateway(provider, { bodyBytesMax: 10_000, bodyMsMax: 200 });
  secret = gateway.table.addKey().secret;
});

afterAll(async () => {
  // The whole file refuses: nothing of it may have reached the provider.
  expect(provider.bytes()).toBe(0);
  await gateway.stop();
  await provider.stop();
});

/** Every door to somebody else. */
const doors = [...routes, ...mcpRoutes].map(({ method, path }) => ({
  method,
  path: path.replace("{model}", "sandbox/echo").replace("{server}", "files"),
}));

const CHAT = "/v1/chat/completions";
const ok = '{"model":"echo","messages":[]}';

async function refused(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string },
) {
  const answer = await call(gateway.url + path, options);
  const { error } = JSON.parse(answer.body);
  expect(answer.headers["x-request-id"]).toMatch(/^req_[0-9A-Za-z]{12}$/);
  expect(answer.headers["x-claviger-gateway"]).toBe("test-1");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.headers["x-claviger-key"]).toBeUndefined();
  return { ...answer, code: [answer.status, answer.headers["x-claviger-code"]], error };
}

test("every route refuses without a key, with a wrong one and with a dead one, and sends no byte upstream", async () => {
  const dead = gateway.table.addKey({ status: "revoked" });
  const unknown = gateway.table.addKey();
  gateway.table.keys.delete(unknown.record.id);
  for (const { path, method } of doors) {
    const ask = (headers: Record<string, string>) =>
      refused(path, { method, headers, ...(method === "POST" ? { body: ok } : {}) });
    const type = { "content-type": "application/json" };
    expect((await ask(type)).code).toEqual([401, "missing_api_key"]);
    expect((await ask(jsonHeaders("sk-something"))).code).toEqual([401, "invalid_api_key"]);
    expect((await ask(jsonHeaders(unknown.secret))).code).toEqual([401, "invalid_api_key"]);
    expect((await ask(jsonHeaders(dead.secret))).code).toEqual([401, "key_revoked"]);
  }
});

test("a refusal of a known key is written down on every route, one of nobody's key on none", async () => {
  const dead = gateway.table.addKey({ status: "revoked" });
  const { refusals } = gateway.ledger;
  for (const { path, method } of doors) {
    const body = method === "POST" ? { body: ok } : {};
    const before = refusals.length;
    await refused(path, { method, headers: jsonHeaders(dead.secret), ...body });
    await refused(path, { method, headers: jsonHeaders("sk-something"), ...body });
    expect(refusals.slice(before)).toEqual(["key_revoked"]);
  }
  const before = refusals.length;
  await refused("/v1/models/nothing", { method: "GET", headers: jsonHeaders(secret) });
  expect(refusals.slice(before)).toEqual(["model_not_found"]);
});

test("no text that a database cannot keep gets past the door: not as a model's name, spelled in whatever way", async () => {
  const { refusals } = gateway.ledger;
  const before = refusals.length;
  const headers = jsonHeaders(secret);
  const multipart = { ...headers, "content-type": "multipart/form-data; boundary=b" };
  const form = (model: string) =>
    `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${model}\r\n--b--\r\n`;
  const codes: unknown[] = [];
  for (const bad of ["\\u0000", "\\ud800", "\\udc00\\ud800"]) {
    const body = `{"model":"sandbox/echo${bad}","messages":[],"metadata":{"${bad}":"${bad}"}}`;
    for (const path of [CHAT, "/v1/messages", "/v1/responses", "/v1/embeddings"])
      codes.push((await refused(path, { headers, body })).code[1]);
  }
  const gemini = "/v1beta/models/sandbox%2Fecho%00:generateContent";
  codes.push((await refused(gemini, { headers, body: '{"contents":[]}' })).code[1]);
  codes.push(
    (await refused(gemini.replace("%00", "%ED%A0%80"), { headers, body: '{"contents":[]}' })).code[1],
  );
  const transcriptions = "/v1/audio/transcriptions";
  codes.push((await refused(transcriptions, { headers: multipart, body: form("sandbox/echo\0") })).code[1]);
  expect(codes).toEqual([
    ...Array(4).fill("model_not_found"),
    ...Array(8).fill("invalid_json"),
    "model_not_found",
    "missing_required_parameter",
    "model_not_found",
  ]);
  // What is written down of them is their code alone.
  expect(new Set(refusals.slice(before))).toEqual(new Set(codes));
  expect(gateway.ledger.settlements).toEqual([]);
});

test("an LLM key that is changed between its credential and the forward gets neither", async () => {
  const changing: TestGateway = await startGateway(
    provider,
    {},
    {
      vault: {
        credentialFor: async (record) => {
          changing.table.providers.set(record.id, { ...record, secretVersion: record.secretVersion + 1 });
          return "sk-of-the-version-before";
        },
      },
    },
  );
  const { secret: known } = changing.table.addKey();
  const answer = await call(changing.url + CHAT, { headers: jsonHeaders(known), body: ok });
  expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([503, "config_behind"]);
  expect(changing.ledger.refusals).toEqual(["config_behind"]);
  await changing.stop();
});

test("the answer to a missing key, by bytes", async () => {
  const chat = await refused(CHAT, { body: ok });
  expect(chat.body).toBe(
    '{"error":{"message":"No API key was sent. Send it as `Authorization: Bearer <API key>`.","type":"authentication_error","param":null,"code":"missing_api_key"}}',
  );
  expect(chat.headers["www-authenticate"]).toBe("Bearer");
  expect(chat.headers["content-type"]).toBe("application/json");
  const messages = await refused("/v1/messages", { body: ok });
  expect(messages.body).toBe(
    `{"type":"error","error":{"type":"authentication_error","message":"No API key was sent. Send it as \`Authorization: Bearer <API key>\`."},"request_id":"${messages.headers["x-request-id"]}"}`,
  );
  for (const { headers } of [chat, messages]) expect(headers["x-claviger-code"]).toBe("missing_api_key");
});

test("credentials: ambiguous, malformed, mistyped, and an unknown one under a stale table", async () => {
  const other = gateway.table.addKey().secret;
  const headers = (more: Record<string, string>) => ({
    body: ok,
    headers: { "content-type": "application/json", ...more },
  });
  const bearer = `Bearer ${secret}`;
  expect((await refused(CHAT, headers({ authorization: bearer, "x-api-key": other }))).code).toEqual([
    400,
    "ambiguous_credentials",
  ]);
  expect((await refused(CHAT, headers({ authorization: "Basic abc" }))).code).toEqual([
    401,
    "malformed_api_key",
  ]);
  expect((await refused(CHAT, headers({ authorization: `Bearer ${"a".repeat(4097)}` }))).code).toEqual([
    401,
    "malformed_api_key",
  ]);
  const mistyped = secret.slice(0, -1) + (secret.endsWith("0") ? "1" : "0");
  expect(parseApiKey(mistyped).kind).toBe("badChecksum");
  expect((await refused(CHAT, headers({ authorization: `Bearer ${mistyped}` }))).code).toEqual([
    401,
    "invalid_api_key",
  ]);
  const unknown = gateway.table.addKey();
  gateway.table.keys.delete(unknown.record.id);
  const waits = gateway.follower.waits;
  gateway.table.freshness = { ageMs: 40_000, nowMs: 0 };
  const stale = await refused(CHAT, headers({ "x-api-key": unknown.secret }));
  gateway.table.freshness = { ageMs: 0, nowMs: 0 };
  expect([stale.code, stale.headers["retry-after"]]).toEqual([[503, "authorization_stale"], "10"]);
  expect(gateway.follower.waits).toBe(waits + 1);
});

test("routes: unknown addresses and wrong methods, in the dialect of the address", async () => {
  expect((await refused("/v1/nothing", { method: "GET" })).code).toEqual([404, "unknown_url"]);
  expect((await refused("/v1/messages/count", { method: "POST" })).error).toMatchObject({
    type: "not_found_error",
  });
  for (const [path, method, allow] of [
    [CHAT, "GET", "POST"],
    ["/v1/messages", "DELETE", "POST"],
    ["/v1/models", "POST", "GET"],
    ["/v1/models/sandbox/echo", "PUT", "GET"],
  ] as const) {
    const answer = await refused(path, { method });
    expect([...answer.code, answer.headers.allow]).toEqual([405, "method_not_allowed", allow]);
  }
});

test("bodies: size, type, encoding, JSON that can be read in two ways, and what it may not hold", async () => {
  const ask = async (body: string, more: Record<string, string> = {}) =>
    (await refused(CHAT, { headers: jsonHeaders(secret, more), body })).code;
  expect(await ask(`{"model":"${"x".repeat(10_000)}"}`)).toEqual([413, "request_too_large"]);
  expect(await ask(ok, { "content-type": "text/plain" })).toEqual([415, "unsupported_media_type"]);
  expect(await ask(ok, { "content-encoding": "gzip" })).toEqual([415, "unsupported_encoding"]);
  for (const bad of [
    "",
    "[]",
    '"x"',
    "{",
    '{"model":"echo","model":"story"}',
    '{"__proto__":{},"model":"echo"}',
    `${"[".repeat(70)}`,
  ]) {
    expect(await ask(bad)).toEqual([400, "invalid_json"]);
  }
  expect(await ask('{"messages":[]}')).toEqual([400, "missing_required_parameter"]);
  expect(await ask('{"model":5}')).toEqual([400, "invalid_type"]);
  expect(await ask('{"model":{}}')).toEqual([400, "invalid_type"]);
  expect(await ask(`{"model":"${"m".repeat(257)}"}`)).toEqual([400, "invalid_type"]);
  expect(await ask('{"model":"echo","stream":"true"}')).toEqual([400, "invalid_type"]);
  for (const value of ["-1", "1.5", "1e400", '"7"']) {
    expect(await ask(`{"model":"echo","max_tokens":${value}}`)).toEqual([400, "invalid_value"]);
  }
  for (const name of ["max_tokens", "max_completion_tokens", "max_output_tokens", "n"])
    expect(await ask(`{"model":"echo","${name}":-1}`)).toEqual([400, "invalid_value"]);
  const facts = { price: undefined, contextWindow: null, outputTokensMax: 100 };
  gateway.table.models.set("sandbox/echo", facts);
  for (const name of ["max_tokens", "max_completion_tokens", "max_output_tokens"])
    expect(await ask(`{"model":"echo","${name}":101}`)).toEqual([400, "invalid_value"]);
  gateway.table.models.clear();
  expect(await ask('{"model":"echo","base_url":"http://evil"}')).toEqual([400, "unknown_parameter"]);
});

test("models: unknown, not on the list, provider off; and who may not be served here", async () => {
  const ask = async (changes: Parameters<TestGateway["table"]["addKey"]>[0], model = "echo", headers = {}) =>
    (
      await refused(CHAT, {
        headers: jsonHeaders(gateway.table.addKey(changes).secret, headers),
        body: JSON.stringify({ model }),
      })
    ).code;
  expect(await ask({}, "gpt-9")).toEqual([404, "model_not_found"]);
  expect(await ask({ allowedModels: ["story"] })).toEqual([403, "model_not_allowed"]);
  expect(await ask({ allowedProviders: ["openai"] })).toEqual([403, "provider_not_allowed"]);
  expect(await ask({ gatewayIds: ["gw_000000000009"] })).toEqual([403, "gateway_not_allowed"]);
  expect(await ask({ ipAllowlist: ["10.0.0.0/8"] }, "echo", { "x-forwarded-for": "10.0.0.1" })).toEqual([
    403,
    "ip_not_allowed",
  ]);
  expect(await ask({ expiresAtMs: 1 })).toEqual([401, "key_expired"]);
  expect(await ask({ budgetId: "bud_00000000000a" })).toEqual([503, "budget_unavailable"]);
  expect(await ask({}, "echo", { "x-min-revision": "nine" })).toEqual([400, "invalid_revision"]);
  expect(await ask({}, "echo", { "x-min-revision": "1.2" })).toEqual([503, "config_behind"]);
  expect(await ask({ maxConcurrency: 0 })).toEqual([429, "rate_limit_exceeded"]);
  expect(await ask({ requestsPerMinute: 0 })).toEqual([429, "rate_limit_exceeded"]);
  expect(gateway.ledger.refusals).toContain("model_not_allowed");
});

test("without an open record nothing is forwarded", async () => {
  gateway.ledger.records = false;
  const answer = await refused(CHAT, { headers: jsonHeaders(secret), body: ok });
  gateway.ledger.records = true;
  expect(answer.code).toEqual([503, "audit_unavailable"]);
});

test("what the models route lists is what the key may ask for", async () => {
  const narrow = gateway.table.addKey({ allowedModels: ["ec*"] });
  const list = await call(`${gateway.url}/v1/models`, { method: "GET", headers: jsonHeaders(narrow.secret) });
  expect(list.headers["x-claviger-key"]).toBe(narrow.record.id);
  expect(JSON.parse(list.body)).toEqual({
    object: "list",
    data: [{ id: "sandbox/echo", object: "model", created: 0, owned_by: "sandbox" }],
  });
  const one = await call(`${gateway.url}/v1/models/sandbox%2Fecho`, {
    method: "GET",
    headers: jsonHeaders(narrow.secret),
  });
  expect(JSON.parse(one.body).id).toBe("sandbox/echo");
  const hidden = await refused("/v1/models/story", { method: "GET", headers: jsonHeaders(narrow.secret) });
  expect(hidden.code).toEqual([403, "model_not_allowed"]);
  const anthropic = { ...jsonHeaders(narrow.secret), "anthropic-version": "2023-06-01" };
  const messages = await call(`${gateway.url}/v1/models`, { method: "GET", headers: anthropic });
  expect(JSON.parse(messages.body)).toMatchObject({
    has_more: false,
    data: [{ type: "model", id: "sandbox/echo" }],
  });
});

test("health, readiness and metrics are told without a key", async () => {
  expect((await call(`${gateway.url}/healthz`, { method: "GET" })).status).toBe(200);
  expect((await call(`${gateway.url}/readyz`, { method: "GET" })).status).toBe(200);
  const metrics = await call(`${gateway.url}/metrics`, { method: "GET" });
  expect(metrics.body).toMatch(/claviger_requests_refused_total\{code="missing_api_key"\} \d+/);
  expect(metrics.body).toContain("claviger_state_damaged 0");
  expect(metrics.body).toContain('claviger_bus_messages_dropped_total{reason="bad_signature"} 3');
});
