import type { ListQuery } from "@claviger/shared/api/list";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq, isNull } from "drizzle-orm";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { project } from "../db/tables/project.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findProject, type ProjectResource, projectResource } from "./find.ts";

/** The organization's projects, newest first. */
export async function listProjects(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
): Promise<Page<ProjectResource>> {
  const mine = and(eq(project.orgId, caller.organizationId), isNull(project.deletedAt));
  const order = { expr: project.createdAt, id: project.id, kind: "time", descending: true } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select()
    .from(project)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.createdAt), row.id]);
  const resources = await Promise.all(page.rows.map((row) => projectResource(ports.db, row)));
  return { resources, next: page.next, total: await ports.db.$count(project, mine) };
}

/** One project and its revision. */
export async function readProject(ports: Ports, caller: Caller, id: string) {
  const row = await findProject(ports.db, caller.organizationId, id);
  return { resource: await projectResource(ports.db, row), revision: row.revision };
}
