import type { GatewayAlarm } from "@claviger/shared/api/gateway";
import postgres from "postgres";

/** One alarm of each kind at the gateway of this name, as its replicas would have raised it, straight into the table. */
export async function raiseAlarms(url: string, gatewayName: string): Promise<void> {
  const nowMs = Date.now();
  const raised = { replica: null, slot: "0", firstAtMs: nowMs - 3_600_000, lastAtMs: nowMs - 60_000 };
  const codes: GatewayAlarm["code"][] = ["enrolment_used", "replica_conflict", "state_damaged"];
  const alarms = codes.map((code, n) => ({ ...raised, code, count: n + 1 }));
  await withSql(url, async (sql) => {
    await sql`update gateway set alarms = ${sql.json(alarms)} where name = ${gatewayName}`;
  });
}

/** As after a failover that lost an hour, of an organization that nobody here sees, and a restore that lost usage. */
export async function recordLosses(url: string): Promise<void> {
  await withSql(url, async (sql) => {
    await sql`
      insert into org_epoch (org_id, epoch, rev, chain, why, raised_at, survived_at, loss)
      values ('org_000000000000', 2, 1, '', 'server', now(), now() - interval '1 hour', 'proved')`;
    await sql`
      insert into usage_gap (replica_id, from_seq, to_seq, org_id, gateway_id, noticed_at)
      select id, 1, 12, org_id, gateway_id, now() from replica limit 1`;
  });
}

async function withSql(url: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}
