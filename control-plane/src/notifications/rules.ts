/** What an organization wants to be told of: the defaults, and what it said instead. */
import {
  DEFAULT_RULES,
  type NotificationRules,
  type NotificationRulesEdit,
} from "@claviger/shared/api/notification";
import type { Resource } from "@claviger/shared/api/resource";
import { eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { notificationRules } from "../db/tables/notification-rules.ts";
import { type Changed, commit, nextRevision, presentRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";

export type RulesResource = Resource<NotificationRules>;

export async function readRules(
  ports: Ports,
  { organizationId }: Caller,
): Promise<{ resource: RulesResource; revision: string }> {
  const row = await find(ports.db, organizationId);
  return {
    resource: rulesResource(organizationId, complete(row?.rules)),
    revision: row?.revision ?? (await presentRevision(ports.db, organizationId)),
  };
}

/** What is not named stays. */
export function editRules(
  ports: Ports,
  caller: Caller,
  input: NotificationRulesEdit,
  ifMatch?: string,
): Promise<Changed<RulesResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const before = await find(tx, orgId);
    const present = async () => ({ resource: rulesResource(orgId, complete(before?.rules)) });
    if (before !== undefined) await requireUnchanged(ifMatch, before.revision, present);
    const rules = merged(complete(before?.rules), input);
    const row = { orgId, rules, revision: await nextRevision(tx, orgId) };
    await tx
      .insert(notificationRules)
      .values(row)
      .onConflictDoUpdate({ target: notificationRules.orgId, set: row });
    return {
      resource: rulesResource(orgId, rules),
      entry: {
        ...{ actor: caller.actor, action: "notification-rules.edit" },
        ...({ effect: "neutral", changes: [], keys: [] } as const),
      },
    };
  });
}

/** Of every organization; the defaults where one said nothing. */
export async function rulesOfAll(db: Queryable): Promise<(orgId: string) => NotificationRules> {
  const rows = await db.select().from(notificationRules);
  const byOrg = new Map(rows.map(({ orgId, rules }) => [orgId, complete(rules)]));
  return (orgId) => byOrg.get(orgId) ?? DEFAULT_RULES;
}

async function find(db: Queryable, orgId: string) {
  const [row] = await db.select().from(notificationRules).where(eq(notificationRules.orgId, orgId));
  return row;
}

function complete(rules: Partial<NotificationRules> | undefined): NotificationRules {
  return { ...DEFAULT_RULES, ...rules };
}

function merged(before: NotificationRules, input: NotificationRulesEdit): NotificationRules {
  const ascending = (list: readonly number[]) => [...list].sort((a, b) => a - b);
  const budgetThreshold = { ...before.budgetThreshold, ...defined(input.budgetThreshold) };
  const keyExpiring = { ...before.keyExpiring, ...defined(input.keyExpiring) };
  return {
    budgetThreshold: { ...budgetThreshold, thresholds: ascending(budgetThreshold.thresholds) },
    keyExpiring: { ...keyExpiring, days: ascending(keyExpiring.days) },
    gatewayOffline: { ...before.gatewayOffline, ...defined(input.gatewayOffline) },
    unfamiliarNetwork: { ...before.unfamiliarNetwork, ...defined(input.unfamiliarNetwork) },
    errorSpike: { ...before.errorSpike, ...defined(input.errorSpike) },
  };
}

/** Without members that say nothing. */
function defined<T extends object>(part: T | undefined): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const named = Object.entries(part ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}

function rulesResource(orgId: string, attributes: NotificationRules): RulesResource {
  return { type: "notification-rules", id: orgId, attributes };
}
