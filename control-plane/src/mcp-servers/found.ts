/** What a discovery found against what was known: new, changed, gone. */
import { pinOf } from "@claviger/shared/wire/mcp-pin";
import type { McpOffer } from "@claviger/shared/wire/query";
import { and, eq } from "drizzle-orm";
import { mcpOffer } from "../db/tables/mcp-offer.ts";
import type { Tx } from "../fleet/journal.ts";
import type { McpOfferRow, McpServerRow } from "./find.ts";

export interface Found {
  readonly offers: readonly McpOffer[];
  readonly unreadable: number;
  /** Everything that the server offers is there: what is not is gone. */
  readonly whole: boolean;
}

interface News {
  added: number;
  changed: number;
  gone: number;
}

/** Writes it down, under the organization's lock; where everything is accepted, so is this. */
export async function storeFound(tx: Tx, server: McpServerRow, found: Found, now: Date): Promise<News> {
  const rows = await tx.select().from(mcpOffer).where(eq(mcpOffer.serverId, server.id));
  const known = new Map(rows.map((row) => [keyOf(row), row]));
  const news = { added: 0, changed: 0, gone: 0 };
  const fresh: McpOfferRow[] = [];
  for (const offer of found.offers) {
    const before = known.get(keyOf(offer));
    known.delete(keyOf(offer));
    const row = rowOf(server, offer, before, await pinOf(offer.kind, offer.definition), now);
    if (row === undefined) continue;
    fresh.push(row);
    if (before === undefined || before.hash === null) news.added++;
    else if (before.hash !== row.hash) news.changed++;
  }
  if (found.whole) news.gone = await forget(tx, [...known.values()], now);
  for (const row of fresh) await put(tx, row);
  return news;
}

/** The row as it will be; undefined when it is so already, or cannot be pinned. */
function rowOf(
  server: McpServerRow,
  { kind, name, definition }: McpOffer,
  before: McpOfferRow | undefined,
  hash: string | undefined,
  now: Date,
): McpOfferRow | undefined {
  if (hash === undefined) return undefined;
  const rejected = before?.rejected ?? false;
  const accepted = server.newOffers === "accept" && !rejected;
  const settled = !accepted || before?.acceptedHash === hash;
  if (before !== undefined && before.hash === hash && settled) return undefined;
  return {
    serverId: server.id,
    kind,
    name,
    definition,
    hash,
    acceptedDefinition: accepted ? definition : (before?.acceptedDefinition ?? null),
    acceptedHash: accepted ? hash : (before?.acceptedHash ?? null),
    rejected,
    changedAt: before !== undefined && before.hash === hash ? before.changedAt : now,
  };
}

async function put(tx: Tx, row: McpOfferRow): Promise<void> {
  const { serverId, kind, name, ...set } = row;
  await tx
    .insert(mcpOffer)
    .values({ serverId, kind, name, ...set })
    .onConflictDoUpdate({ target: [mcpOffer.serverId, mcpOffer.kind, mcpOffer.name], set });
}

/** What was decided about stays, in case it comes back; of the rest nothing is left. */
async function forget(tx: Tx, missing: readonly McpOfferRow[], now: Date): Promise<number> {
  let gone = 0;
  for (const row of missing) {
    if (row.hash !== null) gone++;
    const { serverId, kind, name } = row;
    const it = and(eq(mcpOffer.serverId, serverId), eq(mcpOffer.kind, kind), eq(mcpOffer.name, name));
    if (row.acceptedHash === null && !row.rejected) await tx.delete(mcpOffer).where(it);
    else if (row.hash !== null)
      await tx.update(mcpOffer).set({ definition: null, hash: null, changedAt: now }).where(it);
  }
  return gone;
}

function keyOf({ kind, name }: Pick<McpOffer, "kind" | "name">): string {
  return `${kind} ${name}`;
}
