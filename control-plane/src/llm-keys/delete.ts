import { and, eq } from "drizzle-orm";
import { llmKey } from "../db/tables/llm-key.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import { modelChanges } from "../models/push.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { LlmKeyTarget } from "./edit.ts";
import { findLlmKey } from "./find.ts";
import { impactOf } from "./impact.ts";

/** Stops every request that would use it, aborts those in flight, and says as `meta.impact` whose keys that concerns. */
export function deleteLlmKey(ports: Ports, caller: Caller, target: LlmKeyTarget): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findLlmKey(tx, orgId, target.id, target.projectId);
    const impact = await impactOf(tx, row);
    await tx.delete(llmKey).where(and(eq(llmKey.orgId, orgId), eq(llmKey.id, row.id)));
    // What does not fit is nobody's hurry: gateways know some prices that they do not need.
    const models = await modelChanges(tx, ports, orgId);
    return {
      resource: null,
      meta: { impact },
      entry: {
        actor: caller.actor,
        action: "llm-api-key.delete",
        effect: "restrictive",
        inflight: "abort",
        changes: [
          { op: "del", kind: "provider", id: row.id },
          { op: "del", kind: "secret", id: row.id },
          ...models.changes,
        ],
        keys: "all",
      },
    };
  });
}
