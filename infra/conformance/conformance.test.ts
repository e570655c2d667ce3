import { readFileSync } from "node:fs";
import { startGateway, type TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../sandbox-provider/create-sandbox.ts";
import type { Place } from "./case.ts";
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
  expect(still(await each.run(through))).toEqual(expected);
  const isRaised =
    JSON.stringify(expected).includes('"raised"') && !JSON.stringify(expected).includes("notRaised");
  expect(isRaised).toBe(feature === "errors");
});

test("the table in docs/ is that of the cases, and every address of the gateway's table is in it", () => {
  expect(withoutCase()).toEqual([]);
  const page = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");
  expect(page, "node infra/conformance/write.ts writes it anew").toBe(renderTable());
});
