/** I11: a refused request has sent no byte to a provider, however late it is refused. */
import type { KeyRecord } from "@claviger/shared/wire/record";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
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

beforeAll(async () => {
  provider = await startProvider((_in, out) => void out.writeHead(200, TYPE).end(ANSWER));
  gateway = await startGateway(provider);
});
afterEach(() => {
  gateway.ledger.records = true;
});
afterAll(async () => {
  await gateway.stop();
  await provider.stop();
});

const TYPE = { "content-type": "application/json" };
const ANSWER = '{"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}';
const ok = '{"model":"echo","messages":[]}';

const chat = (secret: string, body = ok) =>
  call(`${gateway.url}/v1/chat/completions`, { headers: jsonHeaders(secret), body });

/** What is refused by what a key may not do, whatever it asks. */
const keys: [string, Partial<KeyRecord>, number][] = [
  ["revoked", { status: "revoked" }, 401],
  ["inactive", { status: "inactive" }, 401],
  ["expired", { expiresAtMs: 1 }, 401],
  ["of another gateway", { gatewayIds: ["gw_000000000009"] }, 403],
  ["of another network", { ipAllowlist: ["10.0.0.0/8"] }, 403],
  ["of another model", { allowedModels: ["story"] }, 403],
  ["of another provider", { allowedProviders: ["openai"] }, 403],
  ["without a place", { maxConcurrency: 0 }, 429],
  ["without requests", { requestsPerMinute: 0 }, 429],
  ["without tokens", { tokensPerMinute: 0 }, 429],
];

test.each(keys)("I11: a key %s sends no byte upstream", async (_what, changes, status) => {
  const { secret } = gateway.table.addKey(changes);
  const before = provider.bytes();
  expect((await chat(secret)).status).toBe(status);
  // Whoever was asked all the same would have been by the time that another request has come and gone.
  expect((await chat(gateway.table.addKey().secret)).status).toBe(200);
  expect(provider.bytes() - before).toBe(await bytesOfOne());
});

test("I11: a request beyond the rate of its key sends no byte upstream", async () => {
  const { secret } = gateway.table.addKey({ requestsPerMinute: 1 });
  const { status } = await chat(secret);
  const before = provider.bytes();
  expect([status, (await chat(secret)).status]).toEqual([200, 429]);
  expect((await chat(gateway.table.addKey().secret)).status).toBe(200);
  expect(provider.bytes() - before).toBe(await bytesOfOne());
});

test.each([
  ["that cannot be read", "{", 400],
  ["for no model", '{"messages":[]}', 400],
  ["for a model that nobody has", '{"model":"none","messages":[]}', 404],
])("I11: a request %s sends no byte upstream", async (_what, body, status) => {
  const before = provider.bytes();
  expect((await chat(gateway.table.addKey().secret, body)).status).toBe(status);
  expect((await chat(gateway.table.addKey().secret)).status).toBe(200);
  expect(provider.bytes() - before).toBe(await bytesOfOne());
});

test.each(["/v1/chat/completions", "/v1/completions", "/v1/responses"])(
  "I11: without an open record no byte of %s goes upstream",
  async (path) => {
    gateway.ledger.records = false;
    const before = provider.bytes();
    const body = '{"model":"echo","messages":[],"input":"","prompt":""}';
    const { secret } = gateway.table.addKey();
    expect((await call(gateway.url + path, { headers: jsonHeaders(secret), body })).status).toBe(503);
    expect(provider.bytes() - before).toBe(0);
  },
);

test.each<[string, Partial<KeyRecord>]>([
  ["revoked", { status: "revoked" }],
  ["deactivated", { status: "inactive" }],
  ["narrowed to another model", { allowedModels: ["story"] }],
])("I11: a key that is %s while its record is written sends no byte upstream", async (_what, changes) => {
  const { secret, record } = gateway.table.addKey();
  const { open } = gateway.ledger;
  gateway.ledger.open = async (entry) => {
    gateway.table.edit(record.id, changes);
    return await open.call(gateway.ledger, entry);
  };
  const before = provider.bytes();
  const { status } = await chat(secret);
  gateway.ledger.open = open;
  expect([401, 403]).toContain(status);
  expect(provider.bytes() - before).toBe(0);
});

/** What one served request sends: as many bytes each time. */
async function bytesOfOne(): Promise<number> {
  const before = provider.bytes();
  expect((await chat(gateway.table.addKey().secret)).status).toBe(200);
  return provider.bytes() - before;
}
