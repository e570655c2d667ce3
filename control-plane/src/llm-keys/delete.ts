import { and, eq } from "drizzle-orm";
import { llmKey } from "../db/tables/llm-key.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { LlmKeyTarget } from "./edit.ts";
import { findLlmKey } from "./find.ts";

/** Stops every request that would use it, and aborts those in flight. */
export function deleteLlmKey(ports: Ports, caller: Caller, target: LlmKeyTarget): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findLlmKey(tx, orgId, target.id, target.projectId);
    await tx.delete(llmKey).where(and(eq(llmKey.orgId, orgId), eq(llmKey.id, row.id)));
    return {
      resource: null,
      entry: {
        actor: caller.actor,
        action: "llm-api-key.delete",
        effect: "restrictive",
        inflight: "abort",
        changes: [
          { op: "del", kind: "provider", id: row.id },
          { op: "del", kind: "secret", id: row.id },
        ],
        keys: "all",
      },
    };
  });
}
