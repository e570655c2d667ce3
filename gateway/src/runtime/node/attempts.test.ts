import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Reservation } from "../../rooms.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

type Behave = (incoming: IncomingMessage, outgoing: ServerResponse, body: string) => void;
const JSON_TYPE = { "content-type": "application/json" };
const GOOD = '{"id":"x","usage":{"prompt_tokens":7,"completion_tokens":3}}';
const EVENT = 'data: {"choices":[{"delta":{"content":"four"}}]}\n\n';

/** What each LLM key's provider does, by the first part of its address. */
const behaviours = new Map<string, Behave>();
const held = { reserved: 0, released: 0, settled: 0 };
let refuseReservations: "budget_unavailable" | undefined;
let provider: Provider;
let gateway: TestGateway;

beforeEach(async () => {
  behaviours.clear();
  Object.assign(held, { reserved: 0, released: 0, settled: 0 });
  refuseReservations = undefined;
  provider = await startProvider((incoming, outgoing, body) => {
    const behave = behaviours.get(incoming.url?.split("/")[1] ?? "");
    if (behave === undefined) throw new Error(`nobody at ${incoming.url}`);
    behave(incoming, outgoing, body);
  });
  gateway = await startGateway(provider, { headersTimeoutMs: 400, idleTimeoutMs: 400 }, { reserve });
  llmKeys("a", "b");
});

afterEach(async () => {
  await gateway.stop();
  await provider.stop();
});

function reserve() {
  if (refuseReservations !== undefined && held.reserved > 0) return { code: refuseReservations };
  held.reserved++;
  return {
    budgets: [],
    journaled: false,
    output: undefined,
    settle() {
      held.settled++;
    },
    release() {
      held.released++;
    },
  } as unknown as Reservation;
}

/** One LLM key for each name, all of one provider. */
function llmKeys(...names: string[]): void {
  const { providers } = gateway.table;
  const [record] = [...providers.values()];
  if (record === undefined) throw new Error("no provider");
  providers.clear();
  for (const [n, name] of names.entries()) {
    const id = `llm_00000000000${n + 1}`;
    providers.set(id, { ...record, id, name, baseUrl: `${provider.url}/${name}` });
    behaviours.set(name, good);
  }
}

const good: Behave = (_in, out) => void out.writeHead(200, JSON_TYPE).end(GOOD);
const status =
  (code: number, headers: Record<string, string> = {}): Behave =>
  (_in, out) =>
    void out.writeHead(code, { ...JSON_TYPE, ...headers }).end('{"error":"theirs"}');

/** Asks until the first LLM key has its turn, and no oftener than once where the test says who fails. */
function ask(secret: string, more = "") {
  return call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(secret),
    body: `{"model":"echo"${more}}`,
  });
}

const attemptsOf = () =>
  gateway.ledger.settlements.map(
    ({ admission, attempt, status, code }) => `${attempt}${admission.provider.name} ${status} ${code}`,
  );

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
    behaviours.set("a", how);
    const { secret, record } = gateway.table.addKey();
    const answer = await ask(secret);
    expect([answer.status, answer.body]).toEqual([200, GOOD]);
    expect(answer.headers["x-claviger-key"]).toBe(record.id);
    await gateway.ledger.settledCount(2);
    expect(attemptsOf()).toEqual([`1a ${first}`, "2b 200 null"]);
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
    expect(held).toEqual({ reserved: 2, released: 0, settled: 2 });
    expect(gateway.gateway.inflight()).toBe(0);
  },
);

test("an alias falls back to its next target, in that provider's own words and by its own name of the model", async () => {
  llmKeys("a", "b");
  const [, second] = [...gateway.table.providers.values()];
  if (second === undefined) throw new Error("no second");
  gateway.table.providers.set(second.id, { ...second, provider: "openai-compatible", models: ["large"] });
  const targets = ["sandbox/echo", "openai-compatible/large"];
  gateway.table.aliases.set("best", { id: "als_000000000001", projectId: null, name: "best", targets });
  const { secret } = gateway.table.addKey({ allowedModels: ["best"] });
  const answers = async (body: string) =>
    call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  expect((await answers('{"model":"best","temperature":1}')).status).toBe(200);
  behaviours.set("a", status(500));
  expect((await answers('{"model":"best","temperature":1}')).status).toBe(200);
  expect(provider.seen.map(({ path, body }) => [path, body])).toEqual([
    ["/a/v1/chat/completions", '{"model":"echo","temperature":1}'],
    ["/a/v1/chat/completions", '{"model":"echo","temperature":1}'],
    ["/b/v1/chat/completions", '{"model":"large","temperature":1}'],
  ]);
  expect(attemptsOf()).toEqual(["1a 200 null", "1a 502 provider_error", "2b 200 null"]);
  expect((await answers('{"model":"echo"}')).headers["x-claviger-code"]).toBe("model_not_allowed");
  const listed = await call(`${gateway.url}/v1/models`, { method: "GET", headers: jsonHeaders(secret) });
  expect(JSON.parse(listed.body).data.map(({ id }: { id: string }) => id)).toEqual(["best"]);
});

test("a 500 of every LLM key is told after three attempts, and never a fourth", async () => {
  llmKeys("a", "b", "c", "d", "e");
  for (const name of behaviours.keys()) behaviours.set(name, status(500));
  const { secret } = gateway.table.addKey();
  const answer = await ask(secret);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([502, "provider_error"]);
  expect(attemptsOf()).toEqual(["1a 502 provider_error", "2b 502 provider_error", "3c 502 provider_error"]);
  expect(provider.seen).toHaveLength(3);
  expect(gateway.ledger.refusals).toEqual([]);
});

test("one LLM key alone is asked once", async () => {
  llmKeys("a");
  behaviours.set("a", status(500));
  expect((await ask(gateway.table.addKey().secret)).status).toBe(502);
  expect(provider.seen).toHaveLength(1);
});

test.each<[string, Behave]>([
  ["the provider's complaint about the request", status(400)],
  ["a redirect", status(302, { location: "http://x" })],
])("%s is not tried again", async (_name, how) => {
  behaviours.set("a", how);
  await ask(gateway.table.addKey().secret);
  expect(provider.seen).toHaveLength(1);
});

test("after the first byte there is no other attempt: a stream that breaks ends with its error", async () => {
  behaviours.set("a", (incoming, out) => {
    out.writeHead(200, { "content-type": "text/event-stream" });
    out.write(EVENT, () => setTimeout(() => incoming.socket.destroy(), 20));
  });
  const answer = await ask(gateway.table.addKey().secret, ',"stream":true');
  expect(answer.body).toContain("provider_disconnected");
  expect(attemptsOf()).toEqual(["1a 200 provider_disconnected"]);
  expect(provider.seen).toHaveLength(1);
});

test("a failure may be made good for within its time only", async () => {
  const late = await startGateway(provider, { attemptsMsMax: 0 });
  try {
    late.table.providers.clear();
    for (const [id, record] of gateway.table.providers) late.table.providers.set(id, record);
    behaviours.set("a", status(500));
    const headers = jsonHeaders(late.table.addKey().secret);
    const answer = await call(`${late.url}/v1/chat/completions`, { headers, body: '{"model":"echo"}' });
    expect([answer.status, provider.seen.length]).toEqual([502, 1]);
  } finally {
    await late.stop();
  }
});

test("place and rate are taken once per request, and given back once", async () => {
  behaviours.set("a", status(500));
  const { secret } = gateway.table.addKey({ maxConcurrency: 1, requestsPerMinute: 60 });
  for (let n = 0; n < 4; n++) {
    const answer = await ask(secret);
    expect([answer.status, answer.headers["x-ratelimit-remaining-requests"]]).toEqual([200, String(9 - n)]);
  }
});

test("an LLM key that failed three times rests, and the requests after that do not ask it", async () => {
  behaviours.set("a", status(500));
  const { secret } = gateway.table.addKey();
  while (provider.seen.filter(({ path }) => path.startsWith("/a/")).length < 3) await ask(secret);
  const before = provider.seen.length;
  for (let n = 0; n < 6; n++) expect((await ask(secret)).status).toBe(200);
  expect(provider.seen.slice(before).every(({ path }) => path.startsWith("/b/"))).toBe(true);
});

test("one that says when to come back is left alone at once", async () => {
  behaviours.set("a", status(429, { "retry-after": "60" }));
  const { secret } = gateway.table.addKey();
  for (let n = 0; n < 6; n++) expect((await ask(secret)).status).toBe(200);
  expect(provider.seen.filter(({ path }) => path.startsWith("/a/"))).toHaveLength(1);
});

test("a key that is revoked between two attempts gets no second one, and is told so", async () => {
  const { secret, record } = gateway.table.addKey();
  behaviours.set("a", (_in, out) => {
    gateway.table.edit(record.id, { status: "revoked" });
    status(500)(_in, out, "");
  });
  const answer = await ask(secret);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([401, "key_revoked"]);
  expect(provider.seen).toHaveLength(1);
  expect(held).toEqual({ reserved: 2, released: 1, settled: 1 });
  expect(gateway.ledger.refusals).toEqual(["key_revoked"]);
});

test("an attempt that nothing can be reserved for is not made: the caller hears of the failure before it", async () => {
  behaviours.set("a", status(500));
  refuseReservations = "budget_unavailable";
  const answer = await ask(gateway.table.addKey().secret);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([502, "provider_error"]);
  expect(held).toEqual({ reserved: 1, released: 0, settled: 1 });
  expect(gateway.ledger.opened).toHaveLength(1);
});

test("whatever throws on the way to an attempt, its reservation is given back and the key's place is free", async () => {
  llmKeys("a");
  const { secret } = gateway.table.addKey({ maxConcurrency: 1 });
  const open = vi.spyOn(gateway.ledger, "open");
  open.mockRejectedValueOnce(new Error("disk"));
  expect((await ask(secret)).status).toBe(500);
  expect(held).toEqual({ reserved: 1, released: 1, settled: 0 });
  open.mockRestore();
  expect((await ask(secret)).status).toBe(200);
});

test("a disk that fails between two attempts is no reason to hang: the caller is told", async () => {
  behaviours.set("a", status(500));
  const open = vi.spyOn(gateway.ledger, "open");
  open.mockImplementationOnce(async () => true).mockRejectedValueOnce(new Error("disk"));
  const { secret } = gateway.table.addKey({ maxConcurrency: 1 });
  expect((await ask(secret)).status).toBe(500);
  open.mockRestore();
  expect((await ask(secret)).status).toBe(200);
  expect(held).toMatchObject({ released: 1 });
});

test("a caller that leaves between two attempts starts none", async () => {
  const { secret } = gateway.table.addKey();
  let leave = () => {};
  behaviours.set("a", (_in, out) => {
    leave();
    setTimeout(() => status(500)(_in, out, ""), 50);
  });
  const controller = new AbortController();
  leave = () => controller.abort();
  const asked = fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: jsonHeaders(secret),
    body: '{"model":"echo"}',
    signal: controller.signal,
  });
  await expect(asked).rejects.toThrow();
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({ status: 499, code: "client_closed" });
  expect(provider.seen).toHaveLength(1);
  await vi.waitFor(() => expect(gateway.gateway.inflight()).toBe(0), { timeout: 15_000 });
});
