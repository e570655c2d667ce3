/** Whom it concerns when an MCP server goes. */
import type { McpServerImpactView } from "@claviger/shared/api/mcp-server";
import { allowsServer } from "@claviger/shared/decide/mcp";
import type { McpPolicy } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findMcpServer, type McpServerRow, type McpServerTarget } from "./find.ts";

export async function readImpact(
  ports: Ports,
  caller: Caller,
  target: McpServerTarget,
): Promise<McpServerImpactView> {
  return impactOf(ports.db, await findMcpServer(ports.db, caller.organizationId, target.id));
}

/** Policies are read once each with how many keys have it: a million keys share few. */
export async function impactOf(
  db: Queryable,
  { orgId, name, projectIds, enabled }: McpServerRow,
): Promise<McpServerImpactView> {
  if (!enabled) return { apiKeys: 0 };
  const inProjects =
    projectIds === null
      ? sql``
      : sql`and project_id in (select jsonb_array_elements_text(${JSON.stringify(projectIds)}::jsonb))`;
  const rows = await db.execute<{ mcp: McpPolicy; keys: string }>(sql`
    select mcp, count(*) as keys from api_key
    where org_id = ${orgId} and status = 'active' and kind <> 'hidden' and mcp->>'enabled' = 'true'
      and (expires_at is null or expires_at > clock_timestamp()) ${inProjects}
    group by mcp`);
  const using = rows.filter(({ mcp }) => allowsServer(mcp, name));
  return { apiKeys: using.reduce((sum, { keys }) => sum + Number(keys), 0) };
}
