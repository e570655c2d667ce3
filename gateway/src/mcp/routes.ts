/** The addresses of MCP: one server, or all that the key may use as one. */

export interface McpRoute {
  readonly kind: "mcp";
  /** As it is documented and logged. */
  readonly path: string;
  /** As it is mounted. */
  readonly mount: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly dialect: "mcp";
  readonly surface: "mcp";
}

const METHODS = ["GET", "POST", "DELETE"] as const;
const at = (path: string, mount: string): McpRoute[] =>
  METHODS.map((method) => ({ kind: "mcp", path, mount, method, dialect: "mcp", surface: "mcp" }));

export const mcpRoutes: readonly McpRoute[] = [...at("/mcp/{server}", "/mcp/:server"), ...at("/mcp", "/mcp")];

/** The server that the path names, as it stands there; "" at the address of all. */
export function serverInPath(path: string): string {
  return path.startsWith("/mcp/") ? path.slice("/mcp/".length) : "";
}
