import { expect, test } from "vitest";
import { mcpErrorOf } from "./mcp-problem.ts";
import { problemOf } from "./problem.ts";
import { type RefusalCode, refusals, refuse } from "./refusals.ts";

interface Response {
  readonly error: { readonly message: string; readonly data: { readonly code: string } };
}

test("whoever calls an MCP server is told of that server, and of no provider or LLM API key", () => {
  const codes = Object.keys(refusals) as RefusalCode[];
  const ofServers = codes.filter(
    (code) => /^(provider_|upstream_blocked$)/.test(code) && code !== "provider_not_allowed",
  );
  expect(ofServers.length).toBeGreaterThanOrEqual(8);
  for (const code of ofServers) {
    const { error } = mcpErrorOf(refuse(code), 1, "req_1") as Response;
    expect([error.data.code, error.message]).toEqual([code, expect.stringContaining("MCP server")]);
    expect(error.message).not.toMatch(/provider|LLM/i);
    expect(problemOf(refuse(code), "mcp", "req_1", 1).body).toContain(JSON.stringify(error.message));
    expect(problemOf(refuse(code), "openai", "req_1").body).toContain("provider");
  }
  const { error } = mcpErrorOf(refuse("provider_auth_failed"), 1, "req_1") as Response;
  expect(error.message).toContain("credential");
});
