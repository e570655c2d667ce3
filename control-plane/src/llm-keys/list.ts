import type { ListQuery } from "@claviger/shared/api/list";
import type { Page } from "@claviger/shared/api/resource";
import { and, eq } from "drizzle-orm";
import { pageOf, pageWhere, timeValue } from "../db/page.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import type { Ports } from "../ports.ts";
import { findProject } from "../projects/find.ts";
import type { Caller } from "../sessions/caller.ts";
import type { LlmKeyTarget } from "./edit.ts";
import { findLlmKey, type LlmKeyResource, llmKeyResource } from "./find.ts";

/** A project's LLM keys (the organization's without one), newest first. */
export async function listLlmKeys(
  ports: Ports,
  caller: Caller,
  query: ListQuery,
  projectId?: string,
): Promise<Page<LlmKeyResource>> {
  const orgId = caller.organizationId;
  if (projectId !== undefined) await findProject(ports.db, orgId, projectId);
  const inProject = projectId === undefined ? undefined : eq(llmKey.projectId, projectId);
  const mine = and(eq(llmKey.orgId, orgId), inProject);
  const order = { expr: llmKey.createdAt, id: llmKey.id, kind: "time", descending: true } as const;
  const paged = pageWhere(order, query);
  const rows = await ports.db
    .select()
    .from(llmKey)
    .where(and(mine, paged.where))
    .orderBy(...paged.orderBy)
    .limit(query.size + 1);
  const page = pageOf(rows, query.size, (row) => [timeValue(row.createdAt), row.id]);
  const resources = page.rows.map(llmKeyResource);
  return { resources, next: page.next, total: await ports.db.$count(llmKey, mine) };
}

/** One LLM key and its revision. */
export async function readLlmKey(ports: Ports, caller: Caller, target: LlmKeyTarget) {
  const row = await findLlmKey(ports.db, caller.organizationId, target.id, target.projectId);
  return { resource: llmKeyResource(row), revision: row.revision };
}
