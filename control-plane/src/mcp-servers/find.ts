/** Reading MCP servers, always inside one organization; the credential is never read here. */
import type { McpServerView, McpToolState } from "@claviger/shared/api/mcp-server";
import { notFound } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { mcpOffer } from "../db/tables/mcp-offer.ts";
import { mcpServer } from "../db/tables/mcp-server.ts";

export type McpServerRow = typeof mcpServer.$inferSelect;
export type McpOfferRow = typeof mcpOffer.$inferSelect;
export type McpServerResource = Resource<McpServerView>;

export interface McpServerTarget {
  readonly id: string;
  readonly ifMatch?: string | undefined;
}

export async function findMcpServer(db: Queryable, orgId: string, id: string): Promise<McpServerRow> {
  const [row] = await db
    .select()
    .from(mcpServer)
    .where(and(eq(mcpServer.orgId, orgId), eq(mcpServer.id, id)));
  if (row === undefined) throw notFound("MCP server");
  return row;
}

/** `gone` is told of what was accepted alone: what nobody decided about is forgotten with its offer. */
export const toolState = sql<McpToolState>`case
  when ${mcpOffer.rejected} then 'rejected'
  when ${mcpOffer.hash} is null then 'gone'
  when ${mcpOffer.acceptedHash} is null then 'new'
  when ${mcpOffer.acceptedHash} <> ${mcpOffer.hash} then 'changed'
  else 'accepted' end`;

export interface Offered {
  readonly counts: Record<McpToolState, number>;
  readonly tools: string[];
}

const NOTHING = { new: 0, changed: 0, accepted: 0, rejected: 0, gone: 0 };

/** By server: how many are in which state, and the names of the tools that are accepted as they are. */
export async function offeredBy(db: Queryable, ids: readonly string[]): Promise<Map<string, Offered>> {
  const offered = new Map<string, Offered>();
  if (ids.length === 0) return offered;
  const rows = await db
    .select({
      serverId: mcpOffer.serverId,
      state: toolState,
      n: sql<number>`count(*)::int`,
      tools: sql<
        string[] | null
      >`array_agg(${mcpOffer.name} order by ${mcpOffer.name}) filter (where ${mcpOffer.kind} = 'tool')`,
    })
    .from(mcpOffer)
    .where(inArray(mcpOffer.serverId, [...ids]))
    .groupBy(mcpOffer.serverId, toolState);
  for (const { serverId, state, n, tools } of rows) {
    const found = offered.get(serverId) ?? { counts: { ...NOTHING }, tools: [] };
    offered.set(serverId, found);
    found.counts[state] = n;
    if (state === "accepted") found.tools.push(...(tools ?? []));
  }
  return offered;
}

export function mcpServerResource(row: McpServerRow, offered: Offered | undefined): McpServerResource {
  const { name, url, projectIds, enabled, preview, headerNames, discovery } = row;
  return {
    type: "mcp-server",
    id: row.id,
    attributes: {
      name,
      url,
      transport: "streamable-http",
      projectIds,
      enabled,
      newTools: row.newOffers,
      credential: row.sealed === null ? "none" : preview === null ? "headers" : "bearer",
      preview,
      headerNames,
      tools: offered?.tools ?? [],
      counts: offered?.counts ?? NOTHING,
      discovered: discovery && discoveredOf(discovery),
      createdAt: row.createdAt.toISOString(),
    },
  };
}

function discoveredOf({ atMs, ...rest }: NonNullable<McpServerRow["discovery"]>) {
  return { at: new Date(atMs).toISOString(), ...rest };
}

/** The resource as it stands in this transaction. */
export async function readResource(db: Queryable, row: McpServerRow): Promise<McpServerResource> {
  const offered = await offeredBy(db, [row.id]);
  return mcpServerResource(row, offered.get(row.id));
}
