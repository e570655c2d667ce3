/** Keys that expire soon: once for each of the rule's days, and the nearest one only. */
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import { apart } from "./apart.ts";
import { rulesOfAll } from "./rules.ts";
import { tell } from "./tell.ts";

const DAY_MS = 86_400_000;
/** No rule looks further ahead. */
const DAYS_MAX = 90;

interface Expiring extends Record<string, unknown> {
  readonly id: string;
  readonly org_id: string;
  readonly name: string;
  readonly preview: string;
  readonly expires_ms: string;
  readonly created_ms: string;
}

export async function watchKeys(tx: Tx, ports: Ports): Promise<void> {
  const nowMs = ports.clock.nowMs();
  const [now, until] = [new Date(nowMs), new Date(nowMs + DAYS_MAX * DAY_MS)].map((at) => at.toISOString());
  const rows = await tx.execute<Expiring>(sql`
    select id, org_id, name, preview, floor(extract(epoch from expires_at) * 1000)::bigint as expires_ms,
      floor(extract(epoch from created_at) * 1000)::bigint as created_ms
    from api_key
    where status = 'active' and kind <> 'hidden' and expires_at > ${now} and expires_at <= ${until}`);
  if (rows.length === 0) return;
  const rulesOf = await rulesOfAll(tx);
  for (const row of rows) {
    const { enabled, days } = rulesOf(row.org_id).keyExpiring;
    const [expiresMs, createdMs] = [Number(row.expires_ms), Number(row.created_ms)];
    const near = days.find((each) => expiresMs - nowMs <= each * DAY_MS);
    // Whoever makes a key for an hour knows.
    if (!enabled || near === undefined || createdMs > expiresMs - near * DAY_MS) continue;
    await apart(tx, ports, { orgId: row.org_id, key: row.id }, (own) => tellOf(own, ports, row, near));
  }
}

async function tellOf(tx: Tx, ports: Ports, row: Expiring, near: number): Promise<void> {
  const expiresMs = Number(row.expires_ms);
  const expiresAt = new Date(expiresMs).toISOString();
  await tell(tx, ports, {
    ...{ orgId: row.org_id, kind: "key.expiring", occasion: `expiry/${row.id}/${expiresMs}/${near}` },
    title: `API key ${row.name} expires in ${near === 1 ? "a day" : `${near} days`} or sooner`,
    text: `${row.preview} expires at ${expiresAt}. Every gateway refuses it from then on.`,
    data: { keyId: row.id, name: row.name, preview: row.preview, expiresAt },
  });
}
