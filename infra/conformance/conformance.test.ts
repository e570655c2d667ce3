import { readFileSync } from "node:fs";
import { startGateway, type TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { foldUsage } from "@claviger/shared/money/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../sandbox-provider/create-sandbox.ts";
import type { Place } from "./case.ts";
import { steering } from "./steering.ts";
import { cases, renderTable, withoutCase } from "./table.ts";

let sandbox: Sandbox;
let gateway: TestGateway;
let direct: Place;
let through: Place;
beforeAll(async () => {
  sandbox = await createSandbox();
  gateway = await startGateway(sandbox);
  for (const record of gateway.table.providers.values()) {
    gateway.table.providers.set(record.id, { ...record, models: ["echo", "story", "embed"] });
  }
  direct = { url: sandbox.url, key: "good" };
  through = { url: gateway.url, key: gateway.table.addKey().secret };
});
afterAll(async () => {
  await gateway?.stop();
  await sandbox?.close();
});

/** What the gateway has written down of the requests since then, in all: what the provider bills for them. */
function chargedSince(settled: number, billed: number) {
  const of = (counts: (number | null)[]) => counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const settlements = gateway.ledger.settlements.slice(settled);
  const tokens = settlements.map((each) => foldUsage(each.tokens));
  const bills = sandbox.ledger().slice(billed);
  return {
    bases: new Set(settlements.map(({ basis }) => basis)),
    charged: {
      input: of(tokens.flatMap((each) => [each.input, each.cacheRead, each.cacheWrite])),
      output: of(tokens.flatMap((each) => [each.output, each.reasoning])),
    },
    billed: {
      input: of(bills.map(({ inputTokens }) => inputTokens)),
      output: of(bills.map(({ outputTokens }) => outputTokens)),
    },
  };
}

/** Without what differs from one answer to the next: identities and instants. */
function still(value: unknown): unknown {
  const text = JSON.stringify(value, (name, each) => (INSTANTS.has(name) ? undefined : each));
  return JSON.parse((text ?? "null").replace(/[0-9a-f]{24}/g, "id"));
}

const INSTANTS = new Set(["created", "created_at", "createdAt", "timestamp", "_request_id"]);

test.each(
  cases.map(
    (each) => [each.client, each.surface, each.streamed ? "streamed" : "whole", each.feature, each] as const,
  ),
)("%s, %s, %s, %s: the same through the gateway", async (_client, _surface, _mode, feature, each) => {
  const expected = still(await each.run(direct));
  const settled = gateway.ledger.settlements.length;
  const billed = sandbox.ledger().length;
  expect(still(await each.run(through))).toEqual(expected);
  await expect.poll(() => gateway.gateway.inflight()).toBe(0);
  const { bases, charged, billed: bills } = chargedSince(settled, billed);
  if (each.untold) expect([...bases]).toEqual(["bounded"]);
  else expect([charged, bases.has("bounded")]).toEqual([bills, false]);
  const isRaised =
    JSON.stringify(expected).includes('"raised"') && !JSON.stringify(expected).includes("notRaised");
  expect(isRaised).toBe(feature === "errors");
});

test.each(
  cases
    .filter(({ streamed, feature }) => streamed && feature === "text")
    .map((each) => [each.client, each.surface, each] as const),
)(
  "%s, %s: a stream that breaks off is an error to the client, never a shorter answer",
  async (client, _surface, each) => {
    const steered = await steering(gateway.url, { chunks: 6, failAfterChunks: 2 });
    try {
      await expect(each.run({ url: steered.url, key: through.key })).rejects.toThrow();
      if (client !== "by hand") await expect.poll(() => gateway.gateway.inflight()).toBe(0);
    } finally {
      await steered.stop();
    }
  },
);

test("the table in docs/ is that of the cases, and every address of the gateway's table is in it", () => {
  expect(withoutCase()).toEqual([]);
  const page = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");
  expect(page, "node infra/conformance/write.ts writes it anew").toBe(renderTable());
});
