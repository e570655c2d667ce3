import type {
  McpDiscoveryView,
  McpServerView,
  McpToolState,
  McpToolView,
} from "@claviger/shared/api/mcp-server";
import type { Resource } from "@claviger/shared/api/resource";
import { queryOptions } from "@tanstack/react-query";
import { type Answer, ask, type Meta } from "../api/client.ts";

export type McpServer = Resource<McpServerView>;
export type McpTool = Resource<McpToolView>;

export interface McpMeta extends Meta {
  readonly discovery?: McpDiscoveryView;
  readonly counts?: Readonly<Record<McpToolState, number>>;
}

/** An organization has 200 at most. */
export const mcpServersQuery = queryOptions({
  queryKey: ["mcp-servers", "all"],
  queryFn: async ({ signal }) =>
    (await ask<McpServer[]>("GET", "/mcp-servers?page[size]=200", { signal })).data,
  staleTime: 10_000,
});

/** All that a server offers, page after page: it is looked at and decided about as a whole. */
export function toolsQuery(id: string) {
  return queryOptions({
    queryKey: ["mcp-servers", "tools", id],
    queryFn: async ({ signal }) => {
      const tools: McpTool[] = [];
      let after: string | null = null;
      do {
        const page: string = after === null ? "" : `&page[after]=${encodeURIComponent(after)}`;
        const answer: Answer<McpTool[]> = await ask("GET", `/mcp-servers/${id}/tools?page[size]=200${page}`, {
          signal,
        });
        tools.push(...answer.data);
        after = answer.next;
      } while (after !== null);
      return tools;
    },
    staleTime: 0,
  });
}

/** Has a gateway ask the server; what came of it. */
export async function discover(id: string): Promise<McpDiscoveryView | undefined> {
  const { meta } = await ask("POST", `/mcp-servers/${id}/discover`, { body: {} });
  return (meta as McpMeta).discovery;
}
