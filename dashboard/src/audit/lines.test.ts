import { expect, test } from "vitest";
import type { AuditEntry } from "../logs/records.ts";
import { linesOf } from "./lines.ts";

function change(gateway: string, rev: number, at: string): AuditEntry {
  return {
    type: "audit-entry",
    id: `rep_${gateway}.${rev}`,
    attributes: {
      n: rev,
      hash: "h",
      at,
      gateway,
      gatewayId: `gw_${gateway}`,
      replica: `rep_${gateway}`,
      kind: "change",
      epoch: 1,
      rev,
      action: "api-key.revoke",
      actor: { kind: "member", id: "mem_a", name: "Marta" },
      ids: ["key_a"],
    },
  };
}

test("a change that several gateways applied is one line, at the first time, naming each", () => {
  const lines = linesOf([
    change("us", 6, "2026-11-20T15:03:41.2Z"),
    change("eu", 6, "2026-11-20T15:03:41.1Z"),
    change("eu", 5, "2026-11-20T15:00:00.0Z"),
  ]);
  expect(lines.map(({ at, gateways, revision }) => [at, gateways, revision])).toEqual([
    ["2026-11-20T15:03:41.1Z", ["eu", "us"], "6"],
    ["2026-11-20T15:00:00.0Z", ["eu"], "5"],
  ]);
});
