/**
 * What an API key may do with MCP: which servers, and which tools of each. Names match byte for byte, so that a
 * look-alike is another name. The list of tools of a server narrows a server that the mode admits, always as an
 * allow-list: missing means all, empty means none.
 */
import type { McpPolicy } from "../wire/record.ts";

/** May the key use this server at all? */
export function allowsServer(policy: McpPolicy, server: string): boolean {
  if (!policy.enabled) return false;
  switch (policy.mode) {
    case "allow-all":
      return true;
    case "allow-list":
      return policy.servers?.includes(server) ?? false;
    case "deny-list":
      return policy.servers !== undefined && !policy.servers.includes(server);
    default:
      return false;
  }
}

/** May the key call this tool of this server? */
export function allowsTool(policy: McpPolicy, server: string, tool: string): boolean {
  if (!allowsServer(policy, server)) return false;
  const tools = policy.tools;
  if (tools === undefined || !Object.hasOwn(tools, server)) return true;
  return (tools[server] as readonly string[]).includes(tool);
}

/** A name that no list has: stands for all names that neither policy mentions, which are treated alike. */
const OTHER = "\0";

/** True when `outer` allows every server and tool that `inner` allows. */
export function coversMcp(outer: McpPolicy, inner: McpPolicy): boolean {
  const policies = [outer, inner];
  const servers = policies.flatMap((policy) => [
    ...(policy.servers ?? []),
    ...Object.keys(policy.tools ?? {}),
  ]);
  for (const server of new Set([...servers, OTHER])) {
    if (allowsServer(inner, server) && !allowsServer(outer, server)) return false;
    const tools = policies.flatMap((policy) =>
      Object.hasOwn(policy.tools ?? {}, server) ? (policy.tools?.[server] ?? []) : [],
    );
    for (const tool of new Set([...tools, OTHER])) {
      if (allowsTool(inner, server, tool) && !allowsTool(outer, server, tool)) return false;
    }
  }
  return true;
}
