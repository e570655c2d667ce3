import { eq } from "drizzle-orm";
import { mcpServer } from "../db/tables/mcp-server.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findMcpServer, type McpServerTarget } from "./find.ts";
import { impactOf } from "./impact.ts";

/** Stops every call of it, ends those in flight and its open streams, and says as `meta.impact` whose keys that concerns. */
export function deleteMcpServer(ports: Ports, caller: Caller, target: McpServerTarget): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findMcpServer(tx, orgId, target.id);
    const impact = await impactOf(tx, row);
    await tx.delete(mcpServer).where(eq(mcpServer.id, row.id));
    const { id } = row;
    return {
      resource: null,
      meta: { impact },
      entry: {
        actor: caller.actor,
        action: "mcp-server.delete",
        effect: "restrictive",
        inflight: "abort",
        changes: [
          { op: "del", kind: "mcp", id, ifUnknown: "skip" },
          ...(row.sealed === null ? [] : [{ op: "del", kind: "secret", id } as const]),
        ],
        keys: "all",
      },
    };
  });
}
