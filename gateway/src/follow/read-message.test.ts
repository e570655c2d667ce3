import { scanJson } from "@claviger/shared/decide/scan-json";
import { buildKey } from "@claviger/shared/testing/records";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { expect, test } from "vitest";
import { readDelta } from "./read-message.ts";

test("of a change that is not understood all is read that takes something away: keys, LLM keys and tokens", async () => {
  const changes = ["key", "agent", "provider", "secret", "deny_jti", "wizard"].map((kind) => {
    return { op: "put", kind, id: `${kind}_1`, record: {} };
  });
  const delta = { org: "org_000000000001", epoch: 1, rev: 1, restrictive: true, changes };
  const read = await readDelta(async () => new TextEncoder().encode(JSON.stringify(delta)), "a.b.c");
  expect(read).toMatchObject({
    ...{ type: "unreadable", keyIds: ["key_1", "agent_1"], providerIds: ["provider_1", "secret_1"] },
    tokenIds: ["deny_jti_1"],
  });
});

test("why a delta was refused can be sent on and be kept, whatever names stand in it and wherever it is cut", async () => {
  const details: string[] = [];
  for (const pad of ["", "x"]) {
    const record = buildKey();
    const mcp = { servers: ["*"], tools: { [`\0${pad}${"😀".repeat(600)}`]: 5 } };
    const delta = {
      ...{ v: 1, org: "org_000000000001", epoch: 1, rev: 1, prev: GENESIS_CHAIN, atMs: 1 },
      actor: { kind: "member", id: "mem_000000000001", name: "a" },
      ...{ action: "api-key.create", restrictive: false, inflight: "drain", operation: null },
      changes: [{ op: "put", kind: "key", id: record.id, record: { ...record, mcp } }],
    };
    const read = await readDelta(async () => new TextEncoder().encode(JSON.stringify(delta)), "a.b.c");
    if (read.type !== "unreadable") throw new Error(`it was ${read.type}`);
    details.push(read.detail);
  }
  for (const detail of details) {
    // The name is in it, and was cut.
    expect(detail).toMatch(/😀.?$/u);
    expect(detail).not.toContain("\0");
    expect(scanJson(new TextEncoder().encode(JSON.stringify({ detail })), new Set()).kind).toBe("object");
  }
});
