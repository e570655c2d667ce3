/** Providers that fail much more than they should, within the last minutes: once an hour and provider at most. */
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import { apart } from "./apart.ts";
import { rulesOfAll } from "./rules.ts";
import { tell } from "./tell.ts";

const WINDOW_MS = 300_000;
const HOUR_MS = 3_600_000;

interface Failing extends Record<string, unknown> {
  readonly org_id: string;
  readonly provider: string;
  readonly requests: string;
  readonly failed: string;
  readonly lately: boolean;
}

export async function watchErrors(tx: Tx, ports: Ports): Promise<void> {
  const nowMs = ports.clock.nowMs();
  const [from, hourAgo] = [new Date(nowMs - WINDOW_MS), new Date(nowMs - HOUR_MS)].map((at) =>
    at.toISOString(),
  );
  // A caller that leaves is no failure of the provider's.
  const rows = await tx.execute<Failing>(sql`
    select f.*, exists (select 1 from notification n where n.org_id = f.org_id and n.kind = 'errors.spike'
      and n.data->>'provider' = f.provider and n.at > ${hourAgo}) as lately
    from (
      select d.org_id, d.provider, sum(r.requests) as requests,
        sum(r.requests) filter (where d.code is not null and d.code not in ('client_closed', 'client_stalled')) as failed
      from usage_rollup r join usage_dimension d on d.id = r.dimension_id
      where r.grain = 'minute' and r.at >= ${from} and d.provider is not null
      group by d.org_id, d.provider) f
    where f.failed > 0`);
  if (rows.length === 0) return;
  const rulesOf = await rulesOfAll(tx);
  for (const { org_id, provider, lately, ...counts } of rows) {
    const { enabled, percent, requestsMin } = rulesOf(org_id).errorSpike;
    const [requests, failed] = [Number(counts.requests), Number(counts.failed)];
    if (!enabled || lately || requests < requestsMin || failed * 100 < requests * percent) continue;
    const share = Math.round((failed * 100) / requests);
    await apart(tx, ports, { orgId: org_id, provider }, (own) =>
      tell(own, ports, {
        ...{ orgId: org_id, kind: "errors.spike" },
        occasion: `errors/${provider}/${Math.floor(nowMs / HOUR_MS)}`,
        title: `${share} % of the requests to ${provider} fail`,
        text: `In the last five minutes ${failed} of ${requests} requests to ${provider} failed.`,
        data: { provider, requests, failed, percent: share },
      }),
    );
  }
}
