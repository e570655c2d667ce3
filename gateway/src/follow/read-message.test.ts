import { scanJson } from "@claviger/shared/decide/scan-json";
import { Table } from "@claviger/shared/sync/table";
import { buildKey } from "@claviger/shared/testing/records";
import { nextChain } from "@claviger/shared/wire/chain";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { expect, test } from "vitest";
import { putPage, readDelta } from "./read-message.ts";

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

/** Bytes as a later control plane writes them: a kind that no gateway of today knows, beside one that all know. */
const RECORDED = {
  head: `{"v":1,"org":"org_000000000001","epoch":1,"rev":7,"prev":"${GENESIS_CHAIN}","atMs":1795219200000,"actor":{"kind":"system","id":"system","name":"system"},"action":"model.reprice","restrictive":true,"inflight":"drain","operation":null,"changes":[`,
  project: `{"op":"put","kind":"project","id":"prj_000000000001","record":{"id":"prj_000000000001","enabled":false,"budgetId":null}}`,
  guardrail: `{"op":"put","kind":"guardrail","id":"grd_000000000001","record":{"id":"grd_000000000001","deny":["tea"]}`,
  models: `{"op":"put","kind":"models","id":"mdl_000000000001","record":{"id":"mdl_000000000001","provider":"openai","models":{"gpt-9":{"perSecond":"1"}}}`,
  skip: `,"ifUnknown":"skip"}`,
};

const recorded = (...changes: string[]) => new TextEncoder().encode(`${RECORDED.head + changes.join(",")}]}`);

test("a kind that is not known and may be skipped holds up nothing: what stands beside it lands, and the chain goes on over all bytes", async () => {
  const { project, guardrail, models, skip } = RECORDED;
  const payload = recorded(guardrail + skip, project, models + skip);
  const read = await readDelta(async () => payload, "a.b.c");
  if (read.type !== "delta") throw new Error(`it was ${read.type}`);
  expect(read.delta.changes).toEqual([
    JSON.parse(project),
    // What was held of those models is no longer what they cost.
    { op: "del", kind: "models", id: "mdl_000000000001" },
  ]);
  expect(read.chainAfter).toBe(await nextChain(GENESIS_CHAIN, payload));
});

test("a kind that is not known and does not say that it may be skipped could take something away: it is refused", async () => {
  const read = await readDelta(async () => recorded(`${RECORDED.guardrail}}`, RECORDED.project), "a.b.c");
  expect(read).toMatchObject({ type: "unreadable", rev: 7, restrictive: true });
});

test("a snapshot's page is read by the same rule", () => {
  const { project, guardrail, models, skip } = RECORDED;
  const page = (...changes: string[]) => new TextEncoder().encode(`[${changes.join(",")}]`);
  const table = new Table();
  expect(putPage(table, page(guardrail + skip, project, models + skip))).toBe(true);
  expect(table.project("prj_000000000001")?.enabled).toBe(false);
  expect(putPage(new Table(), page(`${guardrail}}`, project))).toBe(false);
});
