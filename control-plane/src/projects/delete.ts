import { problem } from "@claviger/shared/api/problem";
import type { ProjectDelete } from "@claviger/shared/api/project";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq } from "drizzle-orm";
import { llmKey } from "../db/tables/llm-key.ts";
import { project } from "../db/tables/project.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { endAll } from "../keys/end-all.ts";
import { findKeysWhere } from "../keys/find.ts";
import { removeAliasesOf } from "../models/aliases.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findProject, putProject } from "./find.ts";

/** Deletes a project with its LLM keys, and with its keys when the caller says so: one restrictive change. */
export function deleteProject(
  ports: Ports,
  caller: Caller,
  id: string,
  input: ProjectDelete,
): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const row = await findProject(tx, orgId, id);
    const keys = await findKeysWhere(tx, orgId, { projectId: id });
    if (keys.length > 0 && input.keys === undefined) {
      throw problem(
        "state_conflict",
        `The project still has ${keys.length} API keys. Delete them first, or send {"keys": "delete"}.`,
      );
    }
    const revision = await nextRevision(tx, orgId);
    const tombstones = await endAll(tx, orgId, keys, "deleted", revision);
    const gone = { ...row, deletedAt: new Date(ports.clock.nowMs()), revision };
    await tx
      .update(project)
      .set(gone)
      .where(and(eq(project.orgId, orgId), eq(project.id, id)));
    const providers = await removeLlmKeys(tx, orgId, id);
    const aliases = await removeAliasesOf(tx, orgId, id);
    return {
      resource: null,
      entry: {
        actor: caller.actor,
        action: "project.delete",
        effect: "restrictive",
        inflight: "abort",
        changes: [...tombstones, ...providers, ...aliases, putProject(gone)],
        // A key that was ended before may still be admitted somewhere, and by the project's LLM keys served.
        keys: "all",
      },
    };
  });
}

async function removeLlmKeys(tx: Tx, orgId: string, projectId: string): Promise<Change[]> {
  const rows = await tx
    .delete(llmKey)
    .where(and(eq(llmKey.orgId, orgId), eq(llmKey.projectId, projectId)))
    .returning({ id: llmKey.id });
  return rows.flatMap(({ id }): Change[] => [
    { op: "del", kind: "provider", id },
    { op: "del", kind: "secret", id },
  ]);
}
