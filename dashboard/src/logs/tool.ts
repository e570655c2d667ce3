import type { McpCall } from "@claviger/shared/wire/query";

/** What was called through MCP, as usage names it: the server, and its tool, prompt or resource, or the method. */
export function toolOf({ server, name, method }: McpCall): string {
  const called = name ?? method;
  return server === "" ? called : `${server}/${called}`;
}
