/**
 * What an MCP server offers, as a gateway finds it. The bargain: the control plane connects to no address that a tenant has
 * chosen; and what is found changes nothing for any key, because what is new or changed waits until somebody accepts it.
 */
import type { McpDiscoveryView } from "@claviger/shared/api/mcp-server";
import { McpDiscovery, McpOffer } from "@claviger/shared/wire/query";
import { eq } from "drizzle-orm";
import { mcpServer } from "../db/tables/mcp-server.ts";
import { type AskableGateway, askableGateways } from "../gateways/askable.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findMcpServer, type McpServerResource, type McpServerTarget, readResource } from "./find.ts";
import { type Found, storeFound } from "./found.ts";

/** A gateway gives up after 8 s. */
const TIMEOUT_MS = 10_000;
/** Of one server. */
const OFFERS_MAX = 2_000;
/** How long a gateway may take to hear of a server that was made just now. */
const NOT_HELD_RETRIES = 5;
const NOT_HELD_PAUSE_MS = 500;

const NO_GATEWAY = "No gateway is attached; only gateways reach MCP servers.";

type Outcome = McpDiscoveryView["outcome"];

interface Answer {
  readonly gateway: AskableGateway;
  readonly outcome: Outcome;
  readonly said: McpDiscovery | undefined;
  readonly found: Found;
}

/** Asks gateways, one after another, until one has reached the server; stores what it found. */
export async function discoverMcpServer(
  ports: Ports,
  caller: Caller,
  target: McpServerTarget,
  gateway?: string,
): Promise<Changed<McpServerResource>> {
  const orgId = caller.organizationId;
  const { id } = await findMcpServer(ports.db, orgId, target.id);
  const answer = await askUntilFound(
    ports,
    orgId,
    id,
    await askableGateways(ports, orgId, gateway, NO_GATEWAY),
  );
  const { said, found, outcome } = answer;
  return commit(ports, caller, async (tx) => {
    const row = await findMcpServer(tx, orgId, id);
    const now = new Date(ports.clock.nowMs());
    const news = { added: 0, changed: 0, gone: 0 };
    if (outcome === "ok" && said !== undefined) {
      Object.assign(news, await storeFound(tx, row, found, now));
      const { protocolVersion, serverName, serverVersion } = said;
      const { gatewayId, name } = answer.gateway;
      const at = { atMs: now.getTime(), gatewayId, gateway: name };
      row.discovery = { ...at, protocolVersion, serverName, serverVersion };
      await tx.update(mcpServer).set({ discovery: row.discovery }).where(eq(mcpServer.id, id));
    }
    return {
      resource: await readResource(tx, row),
      meta: { discovery: viewOf(answer, news) },
      entry: null,
      revision: row.revision,
    };
  });
}

async function askUntilFound(
  ports: Ports,
  orgId: string,
  serverId: string,
  gateways: readonly AskableGateway[],
): Promise<Answer> {
  let worst: Answer | undefined;
  for (const gateway of gateways.toSorted((a, b) => Number(b.up) - Number(a.up))) {
    const answer = await ask(ports, orgId, serverId, gateway);
    if (answer.outcome === "ok") return answer;
    // What somebody has to say about the server tells more than that nobody answered.
    if (worst === undefined || worst.outcome === "no_answer") worst = answer;
  }
  if (worst === undefined) throw new Error("there was a gateway to ask");
  return worst;
}

async function ask(ports: Ports, orgId: string, serverId: string, gateway: AskableGateway): Promise<Answer> {
  const silent = {
    gateway,
    outcome: "no_answer",
    said: undefined,
    found: { offers: [], unreadable: 0, whole: false },
  } as const;
  if (!gateway.up) return silent;
  const question = { kind: "mcp-discover", serverId } as const;
  for (let left = NOT_HELD_RETRIES; ; left--) {
    const rows = await ports.fleet.ask(orgId, gateway.id, question, TIMEOUT_MS);
    const said = McpDiscovery.safeParse(rows?.[0]);
    if (rows === undefined || !said.success) return silent;
    const answer = {
      gateway,
      outcome: said.data.outcome,
      said: said.data,
      found: foundIn(said.data, rows.slice(1)),
    };
    if (answer.outcome !== "not_held" || left === 0) return answer;
    await new Promise((resolve) => setTimeout(resolve, NOT_HELD_PAUSE_MS));
  }
}

/** Rows that cannot be read or kept are counted, and so are those that did not fit into an answer. */
function foundIn(said: McpDiscovery, rows: readonly unknown[]): Found {
  const offers = new Map<string, McpOffer>();
  for (const row of rows) {
    const offer = McpOffer.safeParse(row);
    if (!offer.success || !isKeepable(offer.data)) continue;
    const key = `${offer.data.kind} ${offer.data.name}`;
    // Two of one name: nobody could say which of them was accepted.
    if (offers.has(key)) return { offers: [], unreadable: said.offers, whole: false };
    if (offers.size < OFFERS_MAX) offers.set(key, offer.data);
  }
  const unreadable = Math.max(said.offers, rows.length) - offers.size;
  return { offers: [...offers.values()], unreadable, whole: unreadable === 0 };
}

/** PostgreSQL keeps neither NUL nor halves of characters, and nobody describes a tool like that. */
function isKeepable(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\0");
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, member]) => isKeepable(name) && isKeepable(member));
}

function viewOf(
  { gateway, outcome, said, found }: Answer,
  news: Pick<McpDiscoveryView, "added" | "changed" | "gone">,
): McpDiscoveryView {
  return {
    outcome,
    gatewayId: gateway.gatewayId,
    gateway: gateway.name,
    latencyMs: said?.latencyMs ?? null,
    status: said?.status ?? null,
    ...news,
    unreadable: found.unreadable,
  };
}
