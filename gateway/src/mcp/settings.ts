/** What an operator may set about MCP (docs/mcp.md, "Streams"). */
import * as z from "zod";

export const McpEnvironment = {
  CLAVIGER_MCP_STREAMS_MAX: z.coerce.number().int().min(1).max(10_000).default(16),
};
