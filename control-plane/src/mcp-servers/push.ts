/** What gateways are told of an MCP server: its record with the pins, and its sealed headers before it. */
import { problem } from "@claviger/shared/api/problem";
import { type Change, type McpPin, McpServerRecord } from "@claviger/shared/wire/record";
import { and, eq, isNotNull, or } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { jsonBytes } from "../db/json-size.ts";
import { mcpOffer } from "../db/tables/mcp-offer.ts";
import type { McpServerRow } from "./find.ts";

const RECORD_BYTES_MAX = 65_536;

/** What has been decided about the server's offers. */
export async function pinsOf(
  db: Queryable,
  { id, newOffers }: Pick<McpServerRow, "id" | "newOffers">,
): Promise<McpPin[]> {
  const { kind, name, acceptedHash, rejected } = mcpOffer;
  // Where everything is accepted, what is not is all that has to be said.
  const decided =
    newOffers === "accept" ? eq(rejected, true) : or(eq(rejected, true), isNotNull(acceptedHash));
  const rows = await db
    .select({ kind, name, acceptedHash, rejected })
    .from(mcpOffer)
    .where(and(eq(mcpOffer.serverId, id), decided))
    .orderBy(kind, name);
  return rows.map((row) => ({
    kind: row.kind,
    name: row.name,
    hash: row.rejected ? null : row.acceptedHash,
  }));
}

/** The record of a server as its row and its offers stand; what gateways could not take in is refused. */
export async function recordOf(db: Queryable, row: McpServerRow): Promise<McpServerRecord> {
  const record = McpServerRecord.parse({
    id: row.id,
    name: row.name,
    url: row.url,
    projectIds: row.projectIds,
    enabled: row.enabled,
    secretVersion: row.sealed === null ? null : row.secretVersion,
    newOffers: row.newOffers,
    pins: await pinsOf(db, row),
  });
  if (jsonBytes(record) <= RECORD_BYTES_MAX) return record;
  const detail =
    'The MCP server is larger than 64 KiB with all that is decided about its tools. Accept fewer, or set newTools to "accept".';
  throw problem("state_conflict", detail);
}

/** The headers stand before the record that needs them, so no gateway ever holds a version it cannot open. */
export function putMcpServer(record: McpServerRecord, sealed: McpServerRow["sealed"]): Change[] {
  const { id } = record;
  return [
    ...(sealed === null ? [] : [{ op: "put", kind: "secret", id, record: sealed } as const]),
    { op: "put", kind: "mcp", id, record, ifUnknown: "skip" },
  ];
}
