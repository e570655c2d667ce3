/**
 * Networks (/24 or /48) that a key was never used from before. What each key is used from is learnt from its usage; a key
 * that wanders is told of a few times a day and not more. A replica may say anything of any key id, so what it says counts
 * in its own organization only, and what cannot be told of it is passed by.
 */
import type { NotificationRules } from "@claviger/shared/api/notification";
import { sql } from "drizzle-orm";
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";
import { apart } from "./apart.ts";
import { rulesOfAll } from "./rules.ts";
import { tell } from "./tell.ts";

/** Usage events of one replica at a time; older ones than the first look reaches are not learnt from. */
const EVENTS_MAX = 20_000;
const HOUR_MS = 3_600_000;
/** Told of one key within a day. */
const TOLD_MAX = 5;

interface Behind extends Record<string, unknown> {
  readonly id: string;
  readonly from_seq: string;
  readonly to_seq: string;
  readonly more: boolean;
}

interface Met extends Record<string, unknown> {
  readonly key_id: string;
  readonly network: string;
  readonly org_id: string;
  readonly first_ms: string;
  /** Since when the key was in use before; null: it was not. */
  readonly since_ms: string | null;
  readonly told: string;
  readonly name: string | null;
  readonly preview: string | null;
}

/** True while there is more to look at. */
export async function watchNetworks(tx: Tx, ports: Ports): Promise<boolean> {
  const behind = await tx.execute<Behind>(sql`
    select c.replica_id as id, s.from_seq, least(c.seq, s.from_seq + ${EVENTS_MAX}) as to_seq,
      c.seq > s.from_seq + ${EVENTS_MAX} as more
    from replica_cursor c left join network_cursor n on n.replica_id = c.replica_id,
      lateral (select coalesce(n.seq, greatest(c.seq - ${EVENTS_MAX}, 0)) as from_seq) s
    where c.seq > s.from_seq`);
  if (behind.length === 0) return false;
  const rulesOf = await rulesOfAll(tx);
  for (const one of behind) {
    await apart(tx, ports, { replica: one.id }, (own) => follow(own, ports, one, rulesOf));
  }
  return behind.some(({ more }) => more);
}

async function follow(
  tx: Tx,
  ports: Ports,
  { id, from_seq, to_seq }: Behind,
  rulesOf: (orgId: string) => NotificationRules,
): Promise<void> {
  for (const met of await learn(tx, id, from_seq, to_seq)) {
    const { enabled, learnHours } = rulesOf(met.org_id).unfamiliarNetwork;
    const known =
      met.since_ms !== null && Number(met.first_ms) - Number(met.since_ms) >= learnHours * HOUR_MS;
    if (!enabled || !known || met.name === null || Number(met.told) >= TOLD_MAX) continue;
    const of = { orgId: met.org_id, replica: id, key: met.key_id };
    await apart(tx, ports, of, (own) => tellOf(own, ports, met));
  }
  await tx.execute(sql`
    insert into network_cursor (replica_id, seq) values (${id}, ${to_seq})
    on conflict (replica_id) do update set seq = excluded.seq`);
}

async function learn(tx: Tx, replicaId: string, from: string, to: string): Promise<readonly Met[]> {
  return tx.execute<Met>(sql`
    with met as (
      select org_id, key_id, event->>'ipPrefix' as network, min(at) as first_at from usage_event
      where replica_id = ${replicaId} and seq > ${from} and seq <= ${to} and kind = 'settled'
        and coalesce(event->>'ipPrefix', '') <> ''
      group by 1, 2, 3),
    added as (
      insert into key_network (key_id, network, org_id, first_at) select key_id, network, org_id, first_at from met
      on conflict do nothing returning key_id, network, org_id, first_at)
    select a.key_id, a.network, a.org_id, floor(extract(epoch from a.first_at) * 1000)::bigint as first_ms,
      k.name, k.preview,
      (select floor(extract(epoch from min(b.first_at)) * 1000)::bigint from key_network b
        where b.org_id = a.org_id and b.key_id = a.key_id) as since_ms,
      (select count(*) from notification n where n.org_id = a.org_id and n.kind = 'key.unfamiliar-network'
        and n.data->>'keyId' = a.key_id and n.at > a.first_at - interval '1 day') as told
    from added a left join api_key k on k.org_id = a.org_id and k.id = a.key_id and k.kind <> 'hidden'
    order by a.first_at`);
}

async function tellOf(
  tx: Tx,
  ports: Ports,
  { key_id, network, org_id, first_ms, name, preview }: Met,
): Promise<void> {
  const at = new Date(Number(first_ms)).toISOString();
  await tell(tx, ports, {
    ...{ orgId: org_id, kind: "key.unfamiliar-network", occasion: `network/${key_id}/${network}` },
    title: `API key ${name} was used from an unfamiliar network`,
    text: `${preview} was used from ${network} at ${at}, for the first time. If that was nobody of yours, revoke it.`,
    data: { keyId: key_id, name, preview, network, at },
  });
}
