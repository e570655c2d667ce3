import { expect, test } from "vitest";
import type { Principal } from "../decide/admit.ts";
import { admitMcpServer, mcpServersOf } from "../decide/mcp-rights.ts";
import { buildKey, buildMcpServer } from "../testing/records.ts";
import { Delta } from "../wire/delta.ts";
import { Change } from "../wire/record.ts";
import { GENESIS_CHAIN } from "../wire/scalars.ts";
import { abortBetween, abortOf } from "./abort.ts";
import { Table } from "./table.ts";

const ID = "mcp_000000000001";
const put = (changes: Parameters<typeof buildMcpServer>[0] = {}) => {
  const record = buildMcpServer(changes);
  return Change.parse({ op: "put", kind: "mcp", id: record.id, record, ifUnknown: "skip" });
};
const del = Change.parse({ op: "del", kind: "mcp", id: ID, ifUnknown: "skip" });

function holding(...changes: Change[]): Table {
  const table = new Table();
  for (const change of changes) table.apply(change);
  return table;
}

test("a server is found by its name until it is taken away, and a snapshot holds it", () => {
  const table = holding(put(), put({ id: "mcp_000000000002", name: "a" }));
  expect(table.mcp.byName("files")).toEqual(buildMcpServer());
  expect(table.mcp.all().map(({ name }) => name)).toEqual(["a", "files"]);
  expect(holding(...table.changes()).mcp.all()).toEqual(table.mcp.all());
  table.apply(del);
  expect(table.mcp.byName("files")).toBeUndefined();
  expect(table.mcp.all()).toHaveLength(1);
});

test("the name of one that is gone is another's, in whatever order the two come", () => {
  const table = holding(put(), put({ id: "mcp_000000000002" }), del);
  expect(table.mcp.byName("files")?.id).toBe("mcp_000000000002");
  expect(table.mcp.all()).toHaveLength(1);
});

test("one that was closed by caution serves nobody, and is open again with the next word of it", () => {
  const table = holding(put());
  const key = buildKey({ mcp: { enabled: true, mode: "allow-all" } });
  const { requestsPerMinute, tokensPerMinute, maxConcurrency } = key;
  const principal = { key, generation: 1, requestsPerMinute, tokensPerMinute, maxConcurrency };
  const served = () => [
    "server" in admitMcpServer(table, principal as Principal, "files"),
    (mcpServersOf(table, principal as Principal) as unknown[]).length,
  ];
  expect(served()).toEqual([true, 1]);
  table.close(ID);
  expect(served()).toEqual([false, 0]);
  table.apply(put());
  expect(served()).toEqual([true, 1]);
});

test("calls and streams end with the server, when it is disabled or gone, also by a snapshot", () => {
  const delta = (change: Change, inflight: "abort" | "drain") =>
    Delta.parse({
      ...{ v: 1, org: "org_000000000001", epoch: 1, rev: 1, prev: GENESIS_CHAIN, atMs: 1, inflight },
      actor: { kind: "system", id: "", name: "" },
      ...{ action: "mcp-server.edit", restrictive: true, operation: null, changes: [change] },
    });
  const ended = (change: Change) => abortOf(delta(change, "abort"))?.mcpServerIds;
  expect(ended(del)).toEqual(new Set([ID]));
  expect(ended(put({ enabled: false }))).toEqual(new Set([ID]));
  expect(ended(put({ projectIds: [] }))).toBeUndefined();
  expect(abortOf(delta(del, "drain"))).toBeUndefined();
  const between = (after: Table) => abortBetween(holding(put()), after, { epoch: 1, rev: 2 });
  expect(between(holding())?.mcpServerIds).toEqual(new Set([ID]));
  expect(between(holding(put({ enabled: false })))?.mcpServerIds).toEqual(new Set([ID]));
  expect(between(holding(put({ url: "https://other.example.com" })))).toBeUndefined();
});
