import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogRow } from "@claviger/shared/wire/query";
import { UsageBatch } from "@claviger/shared/wire/usage";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { record, settlement } from "../../logs/testing/rig.ts";
import { createMetrics } from "../../metrics.ts";
import { openLocalLogs } from "./local-logs.ts";
import { openLogStore } from "./log-store.ts";
import { systemClock } from "./testing/rig.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claviger-attempts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const offered: UsageBatch["events"] = [];
const open = () =>
  openLocalLogs(folder, {
    courier: {
      async usage(body) {
        const { events } = UsageBatch.parse(JSON.parse(new TextDecoder().decode(body)));
        offered.push(...events);
        return new TextEncoder().encode(JSON.stringify({ cursor: events.at(-1)?.seq ?? 0 }));
      },
      answer: async () => undefined,
    },
    verify: async () => undefined,
    replicaId: "rep_000000000001",
    boot: "1.a",
    clock: systemClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: createMetrics(),
    retention: { daysMax: 30, bytesMax: 1_000_000_000, bodyDaysMax: 7 },
  });

const first = settlement(record.requestId);
const failed = { ...first, status: 502, code: "provider_error", followed: true };
const earlier = [
  {
    model: "echo",
    provider: "sandbox",
    llmKeyId: record.llmKeyId,
    status: 502,
    code: "provider_error",
    ms: 2,
  },
];

async function rows(): Promise<LogRow[]> {
  const store = await openLogStore(join(folder, "log.sqlite"), "rep_000000000001");
  const all = (await store.query({ kind: "logs", limit: 10, requestId: record.requestId })) as LogRow[];
  await store.close();
  return all.reverse();
}

test("each attempt is a row, a link and a usage event of its own, and the last row names those before it", async () => {
  offered.length = 0;
  const logs = await open();
  await logs.ledger.open(record);
  logs.ledger.settle(failed);
  await logs.ledger.open({ ...record, attempt: 2 });
  logs.ledger.settle({ ...first, attempt: 2, earlier });
  await vi.waitFor(() => expect(offered).toHaveLength(2), { timeout: 15_000 });
  await logs.close();
  expect(offered.map(({ seq, ...event }) => [seq, "attempt" in event ? event.attempt : undefined])).toEqual([
    [1, undefined],
    [2, 2],
  ]);
  expect((await rows()).map(({ attempt, attempts, code }) => ({ attempt, attempts, code }))).toEqual([
    { attempt: undefined, attempts: undefined, code: "provider_error" },
    { attempt: 2, attempts: earlier, code: null },
  ]);
});

test("a process that is killed in a second attempt has settled the first: the next start settles the second as a crash", async () => {
  const logs = await open();
  await logs.ledger.open(record);
  logs.ledger.settle(failed);
  await logs.ledger.open({ ...record, attempt: 2 });
  // What is not closed is as after a kill: the record stands, and its settlement does not.
  await logs.close();
  const next = await open();
  await next.close();
  const last = await open();
  await last.close();
  expect((await rows()).map(({ attempt, code }) => [attempt, code])).toEqual([
    [undefined, "provider_error"],
    [2, "gateway_crashed"],
  ]);
});

test("a process that is killed between two attempts, before the first one's settlement was on disk, settles that one", async () => {
  const logs = await open();
  await logs.ledger.open(record);
  await logs.ledger.open({ ...record, attempt: 2 });
  logs.ledger.settle({ ...first, attempt: 2, earlier });
  await logs.close();
  const next = await open();
  await next.close();
  expect((await rows()).map(({ attempt, code }) => [attempt, code])).toEqual([
    [2, null],
    [undefined, "gateway_crashed"],
  ]);
});
