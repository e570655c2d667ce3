import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseEgressAllow } from "../../gateway/src/runtime/node/egress.ts";
import {
  call,
  jsonHeaders,
  startGateway,
  type TestGateway,
} from "../../gateway/src/runtime/node/testing/rig.ts";
import { createUpstream } from "../../gateway/src/runtime/node/upstream.ts";
import { createSandbox, type Sandbox } from "./create-sandbox.ts";

let sandbox: Sandbox;
let gateway: TestGateway;
/** What becomes of an answer that the provider has made, and billed. */
let loses: (answer: Response, outgoing: ServerResponse) => void;
const losing = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = {
    "content-type": "application/json",
    authorization: incoming.headers.authorization ?? "",
  };
  const answer = await fetch(sandbox.url + incoming.url, {
    method: "POST",
    headers,
    body: Buffer.concat(chunks),
  });
  await answer.arrayBuffer();
  loses(answer, outgoing);
});

beforeEach(async () => {
  sandbox = await createSandbox();
  await new Promise<void>((resolve) => losing.listen(0, "127.0.0.1", resolve));
  const egressAllow = parseEgressAllow("127.0.0.0/8");
  const upstream = createUpstream({ egressAllow, connectTimeoutMs: 30_000 });
  gateway = await startGateway(sandbox, { headersTimeoutMs: 1_000 }, { upstream });
  const { providers } = gateway.table;
  const [record] = [...providers.values()];
  if (record === undefined) throw new Error("no provider");
  const lost = `http://127.0.0.1:${(losing.address() as AddressInfo).port}`;
  providers.set(record.id, { ...record, name: "loses", baseUrl: lost });
  providers.set("llm_000000000002", { ...record, id: "llm_000000000002", name: "works" });
});

afterEach(async () => {
  await gateway.stop();
  await sandbox.close();
  losing.closeAllConnections();
  await new Promise((resolve) => losing.close(resolve));
});

test.each<[string, typeof loses, string]>([
  ["is lost", (_answer, outgoing) => void outgoing.destroy(), "provider_disconnected"],
  ["comes too late", () => undefined, "provider_timeout"],
  ["becomes a 502", (_answer, outgoing) => void outgoing.writeHead(502).end(), "provider_error"],
])(
  "when an answer %s that the provider has billed, every bill has its settlement, and there is no third",
  async (_name, how, code) => {
    loses = how;
    const { secret } = gateway.table.addKey();
    const answer = await call(`${gateway.url}/v1/chat/completions`, {
      headers: jsonHeaders(secret),
      body: JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "hello" }] }),
    });
    expect(answer.status).toBe(200);
    await gateway.ledger.settledCount(2);
    const settled = gateway.ledger.settlements.map((each) => [each.attempt, each.code, each.basis]);
    expect(settled).toEqual([
      [1, code, "bounded"],
      [2, null, "provider"],
    ]);
    const bills = sandbox.ledger();
    expect(bills).toHaveLength(gateway.ledger.settlements.length);
    for (const [n, { inputTokens }] of bills.entries()) {
      const { input, cacheRead } = gateway.ledger.settlements[n]?.tokens ?? {};
      expect((input ?? 0) + (cacheRead ?? 0)).toBeGreaterThanOrEqual(inputTokens);
    }
  },
);
