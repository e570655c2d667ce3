import type { ProjectEdit } from "@claviger/shared/api/project";
import { and, eq } from "drizzle-orm";
import { setBudget } from "../budgets/set-budget.ts";
import { project } from "../db/tables/project.ts";
import type { Effect } from "../fleet/journal-types.ts";
import { type Changed, commit, joinEffects, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findProject, type ProjectResource, type ProjectRow, projectResource, putProject } from "./find.ts";

/** Renames, disables (all keys of it are refused) or enables a project, or sets its budget. */
export function editProject(
  ports: Ports,
  caller: Caller,
  id: string,
  input: ProjectEdit,
  ifMatch?: string,
): Promise<Changed<ProjectResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findProject(tx, orgId, id);
    await requireUnchanged(ifMatch, before.revision, async () => ({
      resource: await projectResource(tx, before),
    }));
    const budget = await setBudget(tx, ports, orgId, before.budgetId, input);
    const row: ProjectRow = {
      ...before,
      name: input.name ?? before.name,
      enabled: input.enabled ?? before.enabled,
      budgetId: budget.budgetId,
      revision: await nextRevision(tx, orgId),
    };
    await tx
      .update(project)
      .set(row)
      .where(and(eq(project.orgId, orgId), eq(project.id, id)));
    return {
      resource: await projectResource(tx, row),
      entry: {
        actor: caller.actor,
        action: "project.edit",
        effect: joinEffects(switched(before.enabled, row.enabled), budget.effect),
        changes: [putProject(row)],
        keys: "all",
      },
    };
  });
}

function switched(before: boolean, after: boolean): Effect {
  if (before === after) return "neutral";
  return after ? "giving" : "restrictive";
}
