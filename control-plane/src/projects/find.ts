/** Reading projects, always inside one organization. */
import { notFound } from "@claviger/shared/api/problem";
import type { ProjectView } from "@claviger/shared/api/project";
import type { Resource } from "@claviger/shared/api/resource";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq, isNull } from "drizzle-orm";
import { budgetView, readBudget } from "../budgets/set-budget.ts";
import type { Queryable } from "../db/database.ts";
import { project } from "../db/tables/project.ts";

export type ProjectRow = typeof project.$inferSelect;
export type ProjectResource = Resource<ProjectView>;

/** The row; `not_found` for foreign, unknown and deleted ids. */
export async function findProject(db: Queryable, orgId: string, id: string): Promise<ProjectRow> {
  const [row] = await db
    .select()
    .from(project)
    .where(and(eq(project.orgId, orgId), eq(project.id, id), isNull(project.deletedAt)));
  if (row === undefined) throw notFound("project");
  return row;
}

/** The public form. */
export async function projectResource(db: Queryable, row: ProjectRow): Promise<ProjectResource> {
  const budget = await readBudget(db, row.orgId, row.budgetId);
  const { name, enabled } = row;
  const attributes = { name, enabled, createdAt: row.createdAt.toISOString(), ...budgetView(budget) };
  return { type: "project", id: row.id, attributes };
}

/** Puts the whole record; a deleted project refuses whatever still names it. */
export function putProject(row: ProjectRow): Change {
  const enabled = row.enabled && row.deletedAt === null;
  return {
    op: "put",
    kind: "project",
    id: row.id,
    record: { id: row.id, enabled, budgetId: row.budgetId },
  };
}
