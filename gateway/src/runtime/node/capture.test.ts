import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { settledEntry } from "../../logs/entries.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

const ANSWER = '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3},"seen":"sk-provider-secret"}';
let behave: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
let provider: Provider;
let gateway: TestGateway;

beforeEach(async () => {
  behave = (_in, out) => void out.writeHead(200, { "content-type": "application/json" }).end(ANSWER);
  provider = await startProvider((incoming, outgoing) => behave(incoming, outgoing));
  gateway = await startGateway(provider);
});
afterEach(async () => {
  await gateway.stop();
  await provider.stop();
});

async function ask(n: number, extra: object = {}) {
  const { secret } = gateway.table.addKey();
  const body = JSON.stringify({
    model: "echo",
    messages: [{ role: "user", content: `my key is ${secret}` }],
    ...extra,
  });
  const answer = await call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  await gateway.ledger.settledCount(n);
  const settlement = gateway.ledger.settlements[n - 1];
  if (settlement === undefined) throw new Error("nothing was settled");
  return { answer, secret, settlement };
}

test("nothing is kept of what is said until an organization turns it on, and nothing when it is off again", async () => {
  expect((await ask(1)).settlement.bodies).toBeUndefined();
  gateway.table.policy = { ...gateway.table.policy, bodyCapture: true };
  const { answer, secret, settlement } = await ask(2);
  expect(answer.body).toBe(ANSWER);
  expect(settlement.bodies?.request.text).toContain("my key is [redacted]");
  expect(settlement.bodies?.response.text).toBe(ANSWER.replace("sk-provider-secret", "[redacted]"));
  const entry = JSON.stringify(settledEntry(settlement));
  expect(entry).not.toContain(secret);
  expect(entry).not.toContain("sk-provider-secret");
  gateway.table.policy = { ...gateway.table.policy, bodyCapture: false };
  expect((await ask(3)).settlement.bodies).toBeUndefined();
});

test("of a stream that breaks, what the caller got is kept, the error event too", async () => {
  gateway.table.policy = { ...gateway.table.policy, bodyCapture: true };
  behave = (_in, out) => {
    out.writeHead(200, { "content-type": "text/event-stream" });
    out.write('data: {"choices":[{"delta":{"content":"four"}}]}\n\n', () => out.destroy());
  };
  const { answer, settlement } = await ask(1, { stream: true });
  expect(settlement.bodies?.response.text).toBe(answer.body);
  expect(answer.body).toContain("provider_disconnected");
});

test("while too much waits for the disk, lines are kept and bodies are not", async () => {
  gateway.table.policy = { ...gateway.table.policy, bodyCapture: true };
  const { settlement } = await ask(1);
  expect(settledEntry(settlement, 499)).toHaveProperty("bodies");
  expect(settledEntry(settlement, 500)).not.toHaveProperty("bodies");
});
