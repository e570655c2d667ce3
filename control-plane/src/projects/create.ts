import type { ProjectCreate } from "@claviger/shared/api/project";
import { setBudget } from "../budgets/set-budget.ts";
import { newId } from "../db/new-id.ts";
import { project } from "../db/tables/project.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { type ProjectResource, type ProjectRow, projectResource, putProject } from "./find.ts";

/** Makes an empty project. */
export function createProject(
  ports: Ports,
  caller: Caller,
  input: ProjectCreate,
): Promise<Changed<ProjectResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const { budgetId } = await setBudget(tx, ports, orgId, null, input);
    const row: ProjectRow = {
      id: newId(ports.random, "prj"),
      orgId,
      name: input.name,
      enabled: input.enabled ?? true,
      budgetId,
      createdAt: new Date(ports.clock.nowMs()),
      revision: await nextRevision(tx, orgId),
      deletedAt: null,
    };
    await tx.insert(project).values(row);
    return {
      resource: await projectResource(tx, row),
      entry: {
        actor: caller.actor,
        action: "project.create",
        effect: "giving",
        changes: [putProject(row)],
        keys: [],
      },
    };
  });
}
