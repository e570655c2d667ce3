/** The organization of the caller: the only one there is from inside. */
import type { OrganizationView } from "@claviger/shared/api/organization";
import { notFound } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import type { Change } from "@claviger/shared/wire/record";
import { eq } from "drizzle-orm";
import { budgetView, readBudget } from "../budgets/set-budget.ts";
import type { Queryable } from "../db/database.ts";
import { organization } from "../db/tables/organization.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";

export type OrganizationRow = typeof organization.$inferSelect;
export type OrganizationResource = Resource<OrganizationView>;

export async function findOrganization(db: Queryable, orgId: string): Promise<OrganizationRow> {
  const [row] = await db.select().from(organization).where(eq(organization.id, orgId));
  if (row === undefined) throw notFound("organization");
  return row;
}

/** The public form. */
export async function organizationResource(
  db: Queryable,
  row: OrganizationRow,
): Promise<OrganizationResource> {
  const budget = await readBudget(db, row.id, row.budgetId);
  const { name, enabled, auditPolicy, defaultMaxOutputTokens, bodyCapture } = row;
  return {
    type: "organization",
    id: row.id,
    attributes: {
      name,
      enabled,
      auditPolicy,
      defaultMaxOutputTokens,
      bodyCapture,
      createdAt: row.createdAt.toISOString(),
      ...budgetView(budget),
    },
  };
}

/** The organization and its revision. */
export async function readOrganization(ports: Ports, caller: Caller) {
  const row = await findOrganization(ports.db, caller.organizationId);
  return { resource: await organizationResource(ports.db, row), revision: row.revision };
}

/** Puts the organization's own record. */
export function putPolicy(row: OrganizationRow): Change {
  const { id, enabled, auditPolicy, defaultMaxOutputTokens, bodyCapture, budgetId } = row;
  const record = { id, enabled, auditPolicy, defaultMaxOutputTokens, bodyCapture, budgetId };
  return { op: "put", kind: "policy", id, record };
}
