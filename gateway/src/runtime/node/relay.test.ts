import { afterAll, beforeAll, expect, test } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

const WHOLE = JSON.stringify({
  id: "c1",
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
  usage: {
    prompt_tokens: 12,
    completion_tokens: 3,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 4 },
  },
});
const EVENTS = [
  'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"hel"}}],"usage":null}\n\n',
  'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"lo"}}],"usage":null}\n\n',
];
const EXTRA =
  'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}\n\n';
const DONE = "data: [DONE]\n\n";

let provider: Provider;
let gateway: TestGateway;

beforeAll(async () => {
  provider = await startProvider((_incoming, outgoing, body) => {
    if (body.includes('"stream":true')) {
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of [...EVENTS, EXTRA, DONE]) outgoing.write(event);
      outgoing.end();
    } else {
      outgoing.writeHead(200, {
        "content-type": "application/json",
        "set-cookie": "a=b",
        connection: "keep-alive",
      });
      outgoing.end(WHOLE);
    }
  });
  gateway = await startGateway(provider);
});

afterAll(async () => {
  await gateway.stop();
  await provider.stop();
});

test("an admitted request is answered byte for byte and settled with the provider's usage", async () => {
  const { secret, record } = gateway.table.addKey();
  const body =
    '{ "model" : "sandbox/echo", "messages":[{"role":"user","content":"hi é"}], "temperature":0.10 }';
  const answer = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(secret, { cookie: "session=1", "x-sandbox": "{}", "x-forwarded-for": "1.2.3.4" }),
    body,
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toBe(WHOLE);
  expect(answer.headers["x-claviger-key"]).toBe(record.id);
  expect(answer.headers["x-claviger-gateway"]).toBe("test-1");
  expect(answer.headers["x-request-id"]).toMatch(/^req_[0-9A-Za-z]{12}$/);
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.headers["set-cookie"]).toBeUndefined();
  const seen = provider.seen.at(-1);
  expect(seen?.body).toBe(body.replace('"sandbox/echo"', '"echo"'));
  expect(seen?.path).toBe("/v1/chat/completions");
  expect(seen?.headers.authorization).toBe("Bearer sk-provider-secret");
  expect(seen?.headers["x-sandbox"]).toBe("{}");
  expect(seen?.headers.cookie).toBeUndefined();
  expect(seen?.headers["x-forwarded-for"]).toBeUndefined();
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.opened).toHaveLength(1);
  expect(gateway.ledger.settlements[0]).toMatchObject({
    status: 200,
    code: null,
    basis: "provider",
    tokens: { input: 8, cacheRead: 4, cacheWrite: null, output: 3, reasoning: null },
  });
});

test("a stream asks for usage, and what comes of that is taken out again unless it was asked for", async () => {
  const { secret } = gateway.table.addKey();
  const before = gateway.ledger.settlements.length;
  const plain = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(secret),
    body: '{"model":"echo","stream":true,"messages":[]}',
  });
  expect(plain.body).toBe([...EVENTS, DONE].join("").replaceAll(',"usage":null', ""));
  expect(provider.seen.at(-1)?.body).toBe(
    '{"stream_options":{"include_usage":true},"model":"echo","stream":true,"messages":[]}',
  );
  const asking = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(secret),
    body: '{"model":"echo","stream":true,"messages":[],"stream_options":{"include_usage":true}}',
  });
  expect(asking.body).toBe([...EVENTS, EXTRA, DONE].join(""));
  await gateway.ledger.settledCount(before + 2);
  for (const settled of gateway.ledger.settlements.slice(before)) {
    expect(settled).toMatchObject({ basis: "provider", streamed: true, tokens: { input: 12, output: 3 } });
  }
});
