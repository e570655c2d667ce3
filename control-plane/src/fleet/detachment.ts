/**
 * The signed word that ends a detached replica (PROTOCOL §2.13). The bargain: it is said of replicas that are on record as
 * gone and of no others, so a database that lost one by a restore ends nobody; it is said as long as the row is kept,
 * which is longer than any of its keys can be admitted.
 */
import type { Detached } from "@claviger/shared/wire/detached";
import { controlSubjects } from "@claviger/shared/wire/subjects";
import { and, eq, isNotNull } from "drizzle-orm";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";
import type { FleetBus } from "./bus.ts";
import { accountOf } from "./senders.ts";

type Gone = { orgId: string; id: string; goneAt: Date | null };
type SignPorts = Pick<Ports, "db" | "sign">;

const COLUMNS = { orgId: replica.orgId, id: replica.id, goneAt: replica.goneAt };

/** The statement for this replica; undefined for one that is attached or not on record. */
export async function detachmentOf(
  ports: SignPorts,
  orgId: string,
  replicaId: string,
): Promise<string | undefined> {
  const ofReplica = and(eq(replica.orgId, orgId), eq(replica.id, replicaId), isNotNull(replica.goneAt));
  const [row] = await ports.db.select(COLUMNS).from(replica).where(ofReplica);
  return row && state(ports, row);
}

/** The statement for the replica that has this key, as `detachmentOf`. */
export async function detachmentByKey(ports: SignPorts, nkey: string): Promise<string | undefined> {
  const ofKey = and(eq(replica.nkey, nkey), isNotNull(replica.goneAt));
  const [row] = await ports.db.select(COLUMNS).from(replica).where(ofKey);
  return row && state(ports, row);
}

/** Says it to all that this organization has detached; to be called before their bus credentials end. */
export async function tellDetached(ports: SignPorts & { bus: FleetBus }, orgId: string): Promise<void> {
  if (!ports.bus.connected) return;
  const ofOrganization = and(eq(replica.orgId, orgId), isNotNull(replica.goneAt));
  const rows = await ports.db.select(COLUMNS).from(replica).where(ofOrganization);
  const account = rows.length === 0 ? undefined : await accountOf(ports, orgId);
  if (account === undefined) return;
  for (const row of rows) ports.bus.publish(controlSubjects.own(account, row.id), await state(ports, row));
  await ports.bus.flush();
}

function state({ sign }: Pick<Ports, "sign">, { orgId, id, goneAt }: Gone): Promise<string> {
  const statement: Detached = { v: 1, org: orgId, replica: id, atMs: goneAt?.getTime() ?? 0 };
  return sign("clv-detached+jws", new TextEncoder().encode(JSON.stringify(statement)));
}
