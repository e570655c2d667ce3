/** Who speaks: organization and replica come from the subject that the server stamped, never from a payload. */
import { senderOf } from "@claviger/shared/wire/subjects";
import { and, eq, isNull } from "drizzle-orm";
import { orgAccount } from "../db/tables/org-account.ts";
import { replica } from "../db/tables/replica.ts";
import type { Ports } from "../ports.ts";

export interface Sender {
  orgId: string;
  replicaId: string;
}

/** An account belongs to one organization for ever, so what was once looked up stays true. */
export function createSenders(ports: Ports): (subject: string) => Promise<Sender | undefined> {
  const organizations = new Map<string, string>();
  return async (subject) => {
    const sender = senderOf(subject);
    if (sender === undefined) return undefined;
    const known = organizations.get(sender.account);
    if (known !== undefined) return { orgId: known, replicaId: sender.replica };
    const [row] = await ports.db
      .select({ orgId: orgAccount.orgId })
      .from(orgAccount)
      .where(eq(orgAccount.account, sender.account));
    if (row === undefined) return undefined;
    organizations.set(sender.account, row.orgId);
    return { orgId: row.orgId, replicaId: sender.replica };
  };
}

/** Asked of the database each time, as for a call over HTTPS: a connection may outlive the replica's place. */
export async function isAttached({ db }: Pick<Ports, "db">, { orgId, replicaId }: Sender): Promise<boolean> {
  const rows = await db
    .select({ id: replica.id })
    .from(replica)
    .where(and(eq(replica.orgId, orgId), eq(replica.id, replicaId), isNull(replica.goneAt)));
  return rows.length > 0;
}

/** The NATS account of an organization; undefined when it has none. */
export async function accountOf(ports: Pick<Ports, "db">, orgId: string): Promise<string | undefined> {
  const [row] = await ports.db
    .select({ account: orgAccount.account })
    .from(orgAccount)
    .where(eq(orgAccount.orgId, orgId));
  return row?.account;
}
