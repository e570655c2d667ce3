import { afterEach, beforeEach, expect, test } from "vitest";
import { type AttemptStage, type Behave, GOOD, startAttempts, status } from "./testing/attempts.ts";
import { call, jsonHeaders, startGateway } from "./testing/rig.ts";

const STREAM = { "content-type": "text/event-stream" };
const EVENT = 'data: {"choices":[{"delta":{"content":"four"}}]}\n\n';

let stage: AttemptStage;
let gateway: AttemptStage["gateway"];
beforeEach(async () => {
  stage = await startAttempts();
  gateway = stage.gateway;
});
afterEach(() => stage.stop());

const mendable: [string, Behave, string][] = [
  ["a 500", status(500), "502 provider_error"],
  ["a 503", status(503), "502 provider_error"],
  ["a 429", status(429), "429 provider_rate_limited"],
  ["a 401, of our own credential", status(401), "502 provider_auth_failed"],
  ["silence", () => undefined, "504 provider_timeout"],
  ["a reset before the head", (incoming) => void incoming.socket.destroy(), "502 provider_disconnected"],
  ["a page", status(200, { "content-type": "text/html" }), "502 provider_bad_response"],
];

test.each(mendable)(
  "after %s another LLM key answers, and both attempts are written down",
  async (_name, how, first) => {
    stage.behaviours.set("a", how);
    const { secret, record } = gateway.table.addKey();
    const answer = await stage.ask(secret);
    expect([answer.status, answer.body]).toEqual([200, GOOD]);
    expect(answer.headers["x-claviger-key"]).toBe(record.id);
    await gateway.ledger.settledCount(2);
    expect(stage.attempts()).toEqual([`1a ${first}`, "2b 200 null"]);
    const [one, two] = gateway.ledger.settlements;
    expect([one?.followed, two?.followed]).toEqual([true, false]);
    expect(two?.earlier).toMatchObject([
      { llmKeyId: "llm_000000000001", provider: "sandbox", model: "echo", code: one?.code },
    ]);
    const requestId = answer.headers["x-request-id"];
    expect(gateway.ledger.opened.map((open) => [open.requestId, open.attempt, open.llmKeyId])).toEqual([
      [requestId, undefined, "llm_000000000001"],
      [requestId, 2, "llm_000000000002"],
    ]);
    expect(stage.held).toEqual({ reserved: 2, released: 0, settled: 2 });
    expect(gateway.gateway.inflight()).toBe(0);
  },
);

test("an alias falls back to its next target, in that provider's own words and by its own name of the model", async () => {
  stage.llmKeys("a", "b");
  const [, second] = [...gateway.table.providers.values()];
  if (second === undefined) throw new Error("no second");
  gateway.table.providers.set(second.id, { ...second, provider: "openai-compatible", models: ["large"] });
  const targets = ["sandbox/echo", "openai-compatible/large"];
  gateway.table.aliases.set("best", { id: "als_000000000001", projectId: null, name: "best", targets });
  const { secret } = gateway.table.addKey({ allowedModels: ["best"] });
  const answers = async (body: string) =>
    call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  expect((await answers('{"model":"best","temperature":1}')).status).toBe(200);
  stage.behaviours.set("a", status(500));
  expect((await answers('{"model":"best","temperature":1}')).status).toBe(200);
  expect(stage.provider.seen.map(({ path, body }) => [path, body])).toEqual([
    ["/a/v1/chat/completions", '{"model":"echo","temperature":1}'],
    ["/a/v1/chat/completions", '{"model":"echo","temperature":1}'],
    ["/b/v1/chat/completions", '{"model":"large","temperature":1}'],
  ]);
  expect(stage.attempts()).toEqual(["1a 200 null", "1a 502 provider_error", "2b 200 null"]);
  expect((await answers('{"model":"echo"}')).headers["x-claviger-code"]).toBe("model_not_allowed");
  const listed = await call(`${gateway.url}/v1/models`, { method: "GET", headers: jsonHeaders(secret) });
  expect(JSON.parse(listed.body).data.map(({ id }: { id: string }) => id)).toEqual(["best"]);
});

test("a fallback that gives shorter answers than are asked for is passed over", async () => {
  const targets = ["sandbox/echo", "sandbox/story"];
  gateway.table.aliases.set("best", { id: "als_000000000001", projectId: null, name: "best", targets });
  const facts = { price: undefined, contextWindow: null, outputTokensMax: 100 };
  gateway.table.models.set("sandbox/echo", facts);
  const { secret } = gateway.table.addKey();
  const ask = (tokens: number) =>
    call(`${gateway.url}/v1/chat/completions`, {
      headers: jsonHeaders(secret),
      body: `{"model":"best","max_tokens":${tokens}}`,
    });
  expect([(await ask(100)).status, (await ask(101)).status]).toEqual([200, 200]);
  expect(stage.provider.seen.map(({ body }) => JSON.parse(body).model)).toEqual(["echo", "story"]);
  gateway.table.models.set("sandbox/story", facts);
  const answer = await ask(101);
  expect([answer.status, JSON.parse(answer.body).error]).toMatchObject([
    400,
    { code: "invalid_value", param: "max_tokens" },
  ]);
});

test("a 500 of every LLM key is told after three attempts, and never a fourth", async () => {
  stage.llmKeys("a", "b", "c", "d", "e");
  for (const name of stage.behaviours.keys()) stage.behaviours.set(name, status(500));
  const { secret } = gateway.table.addKey();
  const answer = await stage.ask(secret);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([502, "provider_error"]);
  expect(stage.attempts()).toEqual([
    "1a 502 provider_error",
    "2b 502 provider_error",
    "3c 502 provider_error",
  ]);
  expect(stage.provider.seen).toHaveLength(3);
  expect(gateway.ledger.refusals).toEqual([]);
});

test("one LLM key alone is asked once", async () => {
  stage.llmKeys("a");
  stage.behaviours.set("a", status(500));
  expect((await stage.ask(gateway.table.addKey().secret)).status).toBe(502);
  expect(stage.provider.seen).toHaveLength(1);
});

test.each<[string, Behave]>([
  ["the provider's complaint about the request", status(400)],
  ["a redirect", status(302, { location: "http://x" })],
])("%s is not tried again", async (_name, how) => {
  stage.behaviours.set("a", how);
  await stage.ask(gateway.table.addKey().secret);
  expect(stage.provider.seen).toHaveLength(1);
});

test.each<[string, Behave]>([
  ["ends", (_in, out) => void out.writeHead(200, STREAM).end()],
  [
    "breaks",
    (incoming, out) => {
      out.writeHead(200, STREAM).flushHeaders();
      setTimeout(() => incoming.socket.destroy(), 20);
    },
  ],
])(
  "a stream that %s after its head and before its first byte is made good for by another",
  async (_name, how) => {
    stage.behaviours.set("a", how);
    stage.behaviours.set("b", (_in, out) => void out.writeHead(200, STREAM).end(EVENT));
    const answer = await stage.ask(gateway.table.addKey().secret, ',"stream":true');
    expect([answer.status, answer.headers["content-type"], answer.body]).toEqual([
      200,
      "text/event-stream",
      EVENT,
    ]);
    expect(gateway.ledger.settlements.map(({ followed }) => followed)).toEqual([true, false]);
  },
);

test("the last stream that can be asked for shows its head at once", async () => {
  for (const name of ["a", "b"])
    stage.behaviours.set(name, (_in, out) => {
      out.writeHead(200, STREAM).flushHeaders();
    });
  const answer = await stage.ask(gateway.table.addKey().secret, ',"stream":true');
  // The first one was silent for its time; the second one's head had been passed on when it was, too.
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/event-stream"]);
  expect(answer.body).toContain("provider_timeout");
  expect(stage.provider.seen).toHaveLength(2);
});

test("after the first byte there is no other attempt: a stream that breaks ends with its error", async () => {
  stage.behaviours.set("a", (incoming, out) => {
    out.writeHead(200, { "content-type": "text/event-stream" });
    out.write(EVENT, () => setTimeout(() => incoming.socket.destroy(), 20));
  });
  const answer = await stage.ask(gateway.table.addKey().secret, ',"stream":true');
  expect(answer.body).toContain("provider_disconnected");
  expect(stage.attempts()).toEqual(["1a 200 provider_disconnected"]);
  expect(stage.provider.seen).toHaveLength(1);
});

test("a failure may be made good for within its time only", async () => {
  const late = await startGateway(stage.provider, { attemptsMsMax: 0 });
  try {
    late.table.providers.clear();
    for (const [id, record] of gateway.table.providers) late.table.providers.set(id, record);
    stage.behaviours.set("a", status(500));
    const headers = jsonHeaders(late.table.addKey().secret);
    const answer = await call(`${late.url}/v1/chat/completions`, { headers, body: '{"model":"echo"}' });
    expect([answer.status, stage.provider.seen.length]).toEqual([502, 1]);
  } finally {
    await late.stop();
  }
});

test("place and rate are taken once per request, and given back once", async () => {
  stage.behaviours.set("a", status(500));
  const { secret } = gateway.table.addKey({ maxConcurrency: 1, requestsPerMinute: 60 });
  for (let n = 0; n < 4; n++) {
    const answer = await stage.ask(secret);
    expect([answer.status, answer.headers["x-ratelimit-remaining-requests"]]).toEqual([200, String(9 - n)]);
  }
});

test("an LLM key that failed three times rests, and the requests after that do not ask it", async () => {
  stage.behaviours.set("a", status(500));
  const { secret } = gateway.table.addKey();
  while (stage.provider.seen.filter(({ path }) => path.startsWith("/a/")).length < 3) await stage.ask(secret);
  const before = stage.provider.seen.length;
  for (let n = 0; n < 6; n++) expect((await stage.ask(secret)).status).toBe(200);
  expect(stage.provider.seen.slice(before).every(({ path }) => path.startsWith("/b/"))).toBe(true);
});

test("one that says when to come back is left alone at once", async () => {
  stage.behaviours.set("a", status(429, { "retry-after": "60" }));
  const { secret } = gateway.table.addKey();
  for (let n = 0; n < 6; n++) expect((await stage.ask(secret)).status).toBe(200);
  expect(stage.provider.seen.filter(({ path }) => path.startsWith("/a/"))).toHaveLength(1);
});
