import { expect, test } from "vitest";
import { auditText } from "./chain.ts";

const request = {
  kind: "request",
  requestId: "req_000000000001",
  keyId: "key_000000000001",
  generation: 1,
  model: "echo",
  provider: "sandbox",
  status: 200,
  code: null,
} as const;

const mcp = {
  serverId: "mcp_000000000001",
  server: "files",
  method: "tools/call",
  name: "read_file",
  outcome: "ok",
  epoch: 1,
  rev: 7,
} as const;

test("what was called through MCP, what came of it and which revision decided are chained, in whatever order they come", () => {
  const text = auditText({ ...request, mcp });
  const turned = Object.fromEntries(Object.entries(mcp).reverse()) as typeof mcp;
  expect(auditText({ ...request, mcp: turned })).toBe(text);
  const others = [
    { name: "write_file" },
    { outcome: "refused" },
    { rev: 8 },
    { server: "other" },
    { serverId: null },
  ];
  for (const other of others) {
    expect(auditText({ ...request, mcp: { ...mcp, ...other } as typeof mcp })).not.toBe(text);
  }
});

test("a request to a model is chained as before there were others, so that chains of old go on", () => {
  expect(auditText(request)).toBe(
    '{"kind":"request","requestId":"req_000000000001","keyId":"key_000000000001","generation":1,' +
      '"model":"echo","provider":"sandbox","status":200,"code":null}',
  );
});
