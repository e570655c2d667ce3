/**
 * What an admin decides about a server's tools. The bargain: what is accepted is accepted as it was last found, by its hash;
 * whatever it says later waits again.
 */
import type { McpToolsAccept, McpToolsReject } from "@claviger/shared/api/mcp-server";
import { ApiProblem } from "@claviger/shared/api/problem";
import { effectOfServer } from "@claviger/shared/decide/mcp-server";
import { and, eq } from "drizzle-orm";
import { mcpOffer } from "../db/tables/mcp-offer.ts";
import { mcpServer } from "../db/tables/mcp-server.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import {
  findMcpServer,
  type McpOfferRow,
  type McpServerResource,
  type McpServerTarget,
  readResource,
} from "./find.ts";
import { putMcpServer, recordOf } from "./push.ts";

/** Accepts what is named, or all that waits; also what was rejected before. */
export function acceptTools(
  ports: Ports,
  caller: Caller,
  target: McpServerTarget,
  input: McpToolsAccept,
): Promise<Changed<McpServerResource>> {
  return decide(ports, caller, target, "mcp-server.accept", (offers) => {
    const chosen = input.tools?.map((tool, place) => {
      const offer = findOffer(offers, tool, place);
      if (offer.hash === null) throw wrong(place, `${offer.name} is not offered any more.`);
      if (tool.hash !== undefined && tool.hash !== offer.hash) {
        throw wrong(place, `${offer.name} has changed since you looked at it: look again.`);
      }
      return offer;
    });
    const waiting = [...offers.values()].filter(({ rejected, hash }) => !rejected && hash !== null);
    return (chosen ?? waiting)
      .filter(({ rejected, hash, acceptedHash }) => rejected || hash !== acceptedHash)
      .map((offer) => ({
        ...offer,
        rejected: false,
        acceptedHash: offer.hash,
        acceptedDefinition: offer.definition,
      }));
  });
}

/** Refuses what is named, whatever it says from now on; also what was accepted before. */
export function rejectTools(
  ports: Ports,
  caller: Caller,
  target: McpServerTarget,
  input: McpToolsReject,
): Promise<Changed<McpServerResource>> {
  return decide(ports, caller, target, "mcp-server.reject", (offers) =>
    input.tools
      .map((tool, place) => findOffer(offers, tool, place))
      .filter(({ rejected }) => !rejected)
      .map((offer) => ({ ...offer, rejected: true, acceptedHash: null, acceptedDefinition: null })),
  );
}

type Named = Pick<McpOfferRow, "kind" | "name">;
type Offers = ReadonlyMap<string, McpOfferRow>;

function decide(
  ports: Ports,
  caller: Caller,
  target: McpServerTarget,
  action: string,
  choose: (offers: Offers) => McpOfferRow[],
): Promise<Changed<McpServerResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findMcpServer(tx, orgId, target.id);
    await requireUnchanged(target.ifMatch, before.revision, async () => ({
      resource: await readResource(tx, before),
    }));
    const was = await recordOf(tx, before);
    const offers = await tx.select().from(mcpOffer).where(eq(mcpOffer.serverId, before.id));
    const decided = choose(new Map(offers.map((offer) => [keyOf(offer), offer])));
    if (decided.length === 0) {
      return { resource: await readResource(tx, before), entry: null, revision: before.revision };
    }
    await store(tx, decided);
    const row = { ...before, revision: await nextRevision(tx, orgId) };
    await tx.update(mcpServer).set({ revision: row.revision }).where(eq(mcpServer.id, row.id));
    const is = await recordOf(tx, row);
    return {
      resource: await readResource(tx, row),
      entry: {
        actor: caller.actor,
        action,
        effect: effectOfServer(was, is),
        inflight: "drain",
        changes: putMcpServer(is, null),
        keys: "all",
      },
    };
  });
}

async function store(tx: Tx, decided: readonly McpOfferRow[]): Promise<void> {
  for (const { serverId, kind, name, rejected, acceptedHash, acceptedDefinition } of decided) {
    await tx
      .update(mcpOffer)
      .set({ rejected, acceptedHash, acceptedDefinition })
      .where(and(eq(mcpOffer.serverId, serverId), eq(mcpOffer.kind, kind), eq(mcpOffer.name, name)));
  }
}

function findOffer(offers: Offers, tool: Named, place: number): McpOfferRow {
  const offer = offers.get(keyOf(tool));
  if (offer === undefined) throw wrong(place, `The server offers no ${tool.kind} named ${tool.name}.`);
  return offer;
}

function wrong(place: number, detail: string): ApiProblem {
  return new ApiProblem([{ code: "invalid_value", detail, pointer: `/tools/${place}` }]);
}

function keyOf({ kind, name }: Named): string {
  return `${kind} ${name}`;
}
