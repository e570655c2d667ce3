/** Keys that are worth a second look: what the dashboard's safety cards count, and the filter behind each. */
import { type KeySafety, keySafeties } from "@claviger/shared/api/api-key-list";
import { ApiProblem } from "@claviger/shared/api/problem";
import { type SQL, sql } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";

/** A key that nobody has used for this long, in milliseconds. */
const IDLE_MS = 90 * 86_400_000;

/** Active keys of that kind; throws on a kind that there is not. */
export function safetyFilter(text: string, nowMs: number): SQL {
  const kind = keySafeties.find((one) => one === text);
  if (kind === undefined) {
    const detail = `filter[safety] takes ${keySafeties.join(", ")}.`;
    throw new ApiProblem([{ code: "invalid_value", detail, parameter: "filter[safety]" }]);
  }
  const now = new Date(nowMs).toISOString();
  const active = sql`${apiKey.status} = 'active' and coalesce(${apiKey.expiresAt} > ${now}::timestamptz, true)`;
  return sql`(${active} and ${conditions(nowMs)[kind]})`;
}

function conditions(nowMs: number): Record<KeySafety, SQL> {
  const since = sql`${new Date(nowMs - IDLE_MS).toISOString()}::timestamptz`;
  return {
    "no-budget": sql`not exists (
      select 1 from budget b where b.id = ${apiKey.budgetId} and b.limit_usd is not null)`,
    "never-expires": sql`${apiKey.expiresAt} is null`,
    idle: sql`${apiKey.createdAt} < ${since} and not exists (
      select 1 from key_usage u where u.org_id = ${apiKey.orgId} and u.key_id = ${apiKey.id}
        and u.last_used_at >= ${since})`,
    permissive: sql`${apiKey.allowedModels} is null and ${apiKey.allowedProviders} is null
      and ${apiKey.ipAllowlist} is null`,
  };
}
