/** I18: whatever happens to a request, what its gateway logs and answers holds neither secret nor prompt. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

const PROMPT = "canary-prompt-9fJ2kQ0sLpWm";
const CREDENTIAL = "sk-provider-secret";
const logged: string[] = [];
const note = (fields: object, message: string) => void logged.push(inspect([fields, message], { depth: 10 }));
type Behave = (incoming: IncomingMessage, outgoing: ServerResponse) => void;
const ok: Behave = (_in, out) => void out.writeHead(200, { "content-type": "application/json" }).end("{}");

let behave: Behave = ok;
let provider: Provider;
let gateway: TestGateway;

beforeAll(async () => {
  provider = await startProvider((incoming, outgoing) => behave(incoming, outgoing));
  const log = { debug: note, info: note, warn: note, error: note };
  gateway = await startGateway(provider, { firstByteTimeoutMs: 300, headersTimeoutMs: 300 }, { log });
});
afterAll(async () => {
  await gateway.stop();
  await provider.stop();
});

const ways: [string, Behave][] = [
  ["is served", ok],
  ["is broken off by the provider", (incoming) => void incoming.socket.resetAndDestroy()],
  ["is refused by the provider", (_in, out) => void out.writeHead(401).end(CREDENTIAL)],
  ["is answered with garbage", (incoming) => void incoming.socket.end("\0\0\0")],
  ["is answered never", () => undefined],
];

test.each(ways)("I18: of a request that %s nothing secret is logged or told", async (_what, how) => {
  behave = how;
  logged.length = 0;
  const { secret } = gateway.table.addKey();
  const body = JSON.stringify({ model: "echo", messages: [{ role: "user", content: PROMPT }] });
  const answer = await call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  expect(provider.seen.at(-1)?.body, "control: the provider was told").toContain(PROMPT);
  const page = await call(`${gateway.url}/metrics`, { method: "GET" });
  const said = [...logged, answer.body, JSON.stringify(answer.headers), page.body];
  for (const forbidden of [secret, PROMPT, CREDENTIAL]) expect(said.join("\n")).not.toContain(forbidden);
});

test("I18: of a request that nobody expected nothing secret is logged or told", async () => {
  behave = ok;
  logged.length = 0;
  const { secret } = gateway.table.addKey();
  const { open } = gateway.ledger;
  gateway.ledger.open = async () => {
    throw new Error("a fault of ours");
  };
  const body = JSON.stringify({ model: "echo", messages: [{ role: "user", content: PROMPT }] });
  const answer = await call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });
  gateway.ledger.open = open;
  expect(answer.status).toBe(500);
  expect(logged.join("\n"), "control: it was logged").toContain("a fault of ours");
  for (const forbidden of [secret, PROMPT, CREDENTIAL]) {
    expect(logged.join("\n")).not.toContain(forbidden);
    expect(answer.body).not.toContain(forbidden);
  }
});
