import { createHash } from "node:crypto";
import type { ListQuery } from "@claviger/shared/api/list";
import type { McpToolState, McpToolView } from "@claviger/shared/api/mcp-server";
import type { Page, Resource } from "@claviger/shared/api/resource";
import type { McpOfferKind } from "@claviger/shared/wire/record";
import { and, eq, inArray, sql } from "drizzle-orm";
import { pageOf, pageWhere } from "../db/page.ts";
import { mcpOffer } from "../db/tables/mcp-offer.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findMcpServer, type McpOfferRow, offeredBy, toolState } from "./find.ts";

export interface ToolFilter extends ListQuery {
  readonly states?: readonly McpToolState[] | undefined;
  readonly kind?: McpOfferKind | undefined;
}

export type McpToolResource = Resource<McpToolView>;

/** What a server offers and what was accepted of it, by kind and name; `counts` are of all of it. */
export async function listTools(
  ports: Ports,
  caller: Caller,
  id: string,
  query: ToolFilter,
): Promise<Page<McpToolResource> & { readonly counts: Readonly<Record<McpToolState, number>> | undefined }> {
  await findMcpServer(ports.db, caller.organizationId, id);
  const where = and(
    eq(mcpOffer.serverId, id),
    query.kind === undefined ? undefined : eq(mcpOffer.kind, query.kind),
    query.states === undefined ? undefined : inArray(toolState, [...query.states]),
  );
  const order = { expr: mcpOffer.kind, id: mcpOffer.name, kind: "text", descending: false } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select({ row: mcpOffer, state: toolState })
    .from(mcpOffer)
    .where(and(where, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, ({ row }) => [row.kind, row.name]);
  const [counted] = await ports.db.select({ n: sql<number>`count(*)::int` }).from(mcpOffer).where(where);
  return {
    resources: page.rows.map(({ row, state }) => toolResource(row, state)),
    next: page.next,
    total: counted?.n ?? 0,
    counts: (await offeredBy(ports.db, [id])).get(id)?.counts,
  };
}

function toolResource(row: McpOfferRow, state: McpToolState): McpToolResource {
  const { kind, name, definition, hash, acceptedDefinition } = row;
  const digest = createHash("sha256").update(`${row.serverId}\n${kind}\n${name}`).digest("hex");
  return {
    type: "mcp-tool",
    id: `mto_${digest.slice(0, 12)}`,
    attributes: {
      kind,
      name,
      state,
      definition,
      hash,
      acceptedDefinition: state === "accepted" ? null : acceptedDefinition,
      changedAt: row.changedAt.toISOString(),
    },
  };
}
