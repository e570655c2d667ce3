import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AttemptStage, GOOD, startAttempts, status } from "./testing/attempts.ts";
import { jsonHeaders } from "./testing/rig.ts";

let stage: AttemptStage;
let gateway: AttemptStage["gateway"];
beforeEach(async () => {
  stage = await startAttempts();
  gateway = stage.gateway;
});
afterEach(() => stage.stop());

test("a key that is revoked between two attempts gets no second one, and is told so", async () => {
  const { secret, record } = gateway.table.addKey();
  stage.behaviours.set("a", (_in, out) => {
    gateway.table.edit(record.id, { status: "revoked" });
    status(500)(_in, out, "");
  });
  const answer = await stage.ask(secret);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([401, "key_revoked"]);
  expect(stage.provider.seen).toHaveLength(1);
  expect(stage.held).toEqual({ reserved: 2, released: 1, settled: 1 });
  expect(gateway.ledger.refusals).toEqual(["key_revoked"]);
});

test("an attempt that nothing can be reserved for is not made: the caller hears of the failure before it", async () => {
  stage.behaviours.set("a", status(500));
  stage.reserving.refusal = "budget_unavailable";
  const answer = await stage.ask(gateway.table.addKey().secret);
  expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([502, "provider_error"]);
  expect(stage.held).toEqual({ reserved: 1, released: 0, settled: 1 });
  expect(gateway.ledger.opened).toHaveLength(1);
});

const thrown = (): never => {
  throw new Error("at /home/operator/secrets.ts:7");
};
const faults: [string, () => void][] = [
  ["the vault", () => void vi.spyOn(stage.vault, "credentialFor").mockImplementationOnce(thrown)],
  [
    "the reservation",
    () => {
      stage.reserving.refusal = "throw";
    },
  ],
  ["the open record", () => void vi.spyOn(gateway.ledger, "open").mockRejectedValueOnce(new Error("disk"))],
  // The second look of a request is the last one.
  [
    "the last look",
    () => {
      const { byHash } = gateway.table.view;
      const look = vi.spyOn(gateway.table.view, "byHash");
      look.mockImplementationOnce((hash) => byHash(hash)).mockImplementationOnce(thrown);
    },
  ],
  ["the way to the provider", () => void vi.spyOn(gateway.upstream, "open").mockImplementationOnce(thrown)],
];

test.each(faults)(
  "when %s throws, the caller is told nothing of it, what was held is given back, and the key's place is free",
  async (_name, fault) => {
    stage.llmKeys("a");
    const { secret } = gateway.table.addKey({ maxConcurrency: 1 });
    fault();
    const answer = await stage.ask(secret);
    expect([answer.status, answer.headers["x-claviger-code"]]).toEqual([500, "internal_error"]);
    expect(answer.body).not.toContain("secrets.ts");
    expect(stage.held.reserved).toBe(stage.held.released + stage.held.settled);
    vi.restoreAllMocks();
    stage.reserving.refusal = undefined;
    stage.reserving.refusal = undefined;
    expect((await stage.ask(secret)).status).toBe(200);
    expect(stage.held.reserved).toBe(stage.held.released + stage.held.settled);
    expect(gateway.gateway.inflight()).toBe(0);
  },
);

test("a disk that fails between two attempts is no reason to hang: the caller is told", async () => {
  stage.behaviours.set("a", status(500));
  const open = vi.spyOn(gateway.ledger, "open");
  open.mockImplementationOnce(async () => true).mockRejectedValueOnce(new Error("disk"));
  const { secret } = gateway.table.addKey({ maxConcurrency: 1 });
  expect((await stage.ask(secret)).status).toBe(500);
  open.mockRestore();
  expect((await stage.ask(secret)).status).toBe(200);
  expect(stage.held).toMatchObject({ released: 1 });
});

test("a caller that leaves between two attempts starts none", async () => {
  const { secret } = gateway.table.addKey();
  let leave = () => {};
  stage.behaviours.set("a", (_in, out) => {
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
  expect(stage.provider.seen).toHaveLength(1);
  await vi.waitFor(() => expect(gateway.gateway.inflight()).toBe(0), { timeout: 15_000 });
});

test("a request that is between two attempts when the gateway stops gets the second one's answer", async () => {
  const reached = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let asked = 0;
  stage.vault.credentialFor = async () => {
    if (++asked > 1) {
      reached.resolve();
      await held.promise;
    }
    return "sk-provider-secret";
  };
  stage.behaviours.set("a", status(503));
  const answer = stage.ask(gateway.table.addKey().secret);
  await reached.promise;
  const cut = vi.spyOn(gateway.gateway, "abortAll");
  const stopped = gateway.server.stop(30_000);
  // A stop that saw nothing in flight would have cut by now: it looks at once.
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
  expect([gateway.gateway.inflight(), cut.mock.calls.length]).toEqual([0, 0]);
  held.resolve();
  expect(await answer).toMatchObject({ status: 200, body: GOOD });
  await stopped;
  expect(gateway.gateway.quiet()).toBe(true);
});
