/**
 * What a key may use of MCP, as a tree with ticks. The bargain: a tick always means "may use", whatever the mode; the mode
 * says what becomes of servers that nobody has registered yet. A server without a list of tools gives all it has, also
 * later ones; one with a list gives that list for ever.
 */

export type McpMode = "allow-all" | "deny-all" | "allow-list" | "deny-list";

export interface Picked {
  readonly mode: McpMode;
  /** Allowed in `allow-list`, denied in `deny-list`. */
  readonly servers: readonly string[];
  /** By server; `[]` is none of its tools. */
  readonly tools: Readonly<Record<string, readonly string[]>>;
}

export type Tick = "all" | "some" | "none";

/** May the key use the server at all? */
export function isAdmitted({ mode, servers }: Picked, server: string): boolean {
  if (mode === "allow-all") return true;
  if (mode === "deny-all") return false;
  return servers.includes(server) === (mode === "allow-list");
}

/** The tools that it may use of a server; null: all that the server has and will have. */
export function pickedTools(picked: Picked, server: string): readonly string[] | null {
  if (!isAdmitted(picked, server)) return [];
  return Object.hasOwn(picked.tools, server) ? (picked.tools[server] ?? []) : null;
}

/** `known` are the tools that the server has now. */
export function tickOf(picked: Picked, server: string, known: readonly string[]): Tick {
  if (!isAdmitted(picked, server)) return "none";
  const tools = pickedTools(picked, server);
  if (tools === null) return "all";
  if (tools.length === 0) return "none";
  return known.length > 0 && known.every((tool) => tools.includes(tool)) ? "all" : "some";
}

export function setServer(picked: Picked, server: string, on: boolean): Picked {
  const { [server]: _, ...tools } = picked.tools;
  if (picked.mode === "allow-all") return { ...picked, tools: on ? tools : { ...tools, [server]: [] } };
  const others = picked.servers.filter((one) => one !== server);
  const listed = on === (picked.mode === "allow-list");
  return { ...picked, tools, servers: listed ? [...others, server] : others };
}

/** The last tool that is taken away takes its server with it. */
export function setTool(
  picked: Picked,
  { server, tool, on }: { server: string; tool: string; on: boolean },
  known: readonly string[],
): Picked {
  const now = pickedTools(picked, server) ?? known;
  const others = now.filter((one) => one !== tool);
  const tools = on ? [...others, tool] : others;
  if (tools.length === 0) return setServer(picked, server, false);
  const admitted = isAdmitted(picked, server) ? picked : setServer(picked, server, true);
  return { ...admitted, tools: { ...admitted.tools, [server]: tools } };
}
