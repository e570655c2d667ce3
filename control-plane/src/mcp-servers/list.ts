import type { ListQuery } from "@claviger/shared/api/list";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, isNull, or, sql } from "drizzle-orm";
import { pageOf, pageWhere } from "../db/page.ts";
import { mcpServer } from "../db/tables/mcp-server.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import {
  findMcpServer,
  type McpServerResource,
  type McpServerTarget,
  mcpServerResource,
  offeredBy,
  readResource,
} from "./find.ts";

export interface McpServerFilter extends ListQuery {
  /** Those that keys of this project may use. */
  readonly project?: string | undefined;
}

/** The organization's MCP servers by their names. */
export async function listMcpServers(
  ports: Ports,
  caller: Caller,
  query: McpServerFilter,
): Promise<Page<McpServerResource>> {
  const { project } = query;
  const forProject =
    project === undefined
      ? undefined
      : or(isNull(mcpServer.projectIds), sql`${mcpServer.projectIds} @> ${JSON.stringify([project])}::jsonb`);
  const mine = and(eq(mcpServer.orgId, caller.organizationId), forProject);
  const order = { expr: mcpServer.name, id: mcpServer.id, kind: "text", descending: false } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select()
    .from(mcpServer)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [row.name, row.id]);
  const offered = await offeredBy(
    ports.db,
    page.rows.map(({ id }) => id),
  );
  const resources = page.rows.map((row) => mcpServerResource(row, offered.get(row.id)));
  return { resources, next: page.next, total: await ports.db.$count(mcpServer, mine) };
}

/** One server and its revision. */
export async function readMcpServer(ports: Ports, caller: Caller, target: McpServerTarget) {
  const row = await findMcpServer(ports.db, caller.organizationId, target.id);
  return { resource: await readResource(ports.db, row), revision: row.revision };
}
