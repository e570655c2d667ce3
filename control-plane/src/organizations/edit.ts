import type { OrganizationEdit } from "@claviger/shared/api/organization";
import { eq } from "drizzle-orm";
import { setBudget } from "../budgets/set-budget.ts";
import { organization } from "../db/tables/organization.ts";
import type { Effect } from "../fleet/journal-types.ts";
import { type Changed, commit, joinEffects, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import {
  findOrganization,
  type OrganizationResource,
  type OrganizationRow,
  organizationResource,
  putPolicy,
} from "./find.ts";

/** Changes the caller's organization; what its policy does to requests decides the effect. */
export function editOrganization(
  ports: Ports,
  caller: Caller,
  input: OrganizationEdit,
  ifMatch?: string,
): Promise<Changed<OrganizationResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await findOrganization(tx, orgId);
    await requireUnchanged(ifMatch, before.revision, async () => ({
      resource: await organizationResource(tx, before),
    }));
    const { budgetUsd, budgetPeriod, budgetAlertThresholds, ...columns } = input;
    const budget = await setBudget(tx, ports, orgId, before.budgetId, input);
    const named = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
    const row: OrganizationRow = {
      ...before,
      ...named,
      budgetId: budget.budgetId,
      revision: await nextRevision(tx, orgId),
    };
    await tx.update(organization).set(row).where(eq(organization.id, orgId));
    return {
      resource: await organizationResource(tx, row),
      entry: {
        actor: caller.actor,
        action: "organization.edit",
        effect: joinEffects(effectOfPolicy(before, row), budget.effect),
        changes: [putPolicy(row)],
        keys: "all",
      },
    };
  });
}

/** `strict` refuses what `continue` serves; another output limit and capturing bodies are told to the fleet as a loss. */
function effectOfPolicy(before: OrganizationRow, after: OrganizationRow): Effect {
  const restricts =
    (before.auditPolicy === "continue" && after.auditPolicy === "strict") ||
    before.defaultMaxOutputTokens !== after.defaultMaxOutputTokens ||
    before.bodyCapture !== after.bodyCapture;
  if (restricts) return "restrictive";
  return before.auditPolicy === after.auditPolicy ? "neutral" : "giving";
}
