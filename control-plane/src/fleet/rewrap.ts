/**
 * Another key-encryption key: everything that is wrapped is wrapped again, in one transaction, or nothing is. The bargain:
 * no process runs meanwhile, because one that has the former key could make something under it, and could open nothing
 * afterwards.
 */
import { eq, isNotNull, sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import { cpSecret } from "../db/tables/cp-secret.ts";
import { dataKey } from "../db/tables/data-key.ts";
import { channelContext, notificationChannel } from "../db/tables/notification-channel.ts";
import { orgAccount } from "../db/tables/org-account.ts";
import { singleSignOn, singleSignOnContext } from "../db/tables/single-sign-on.ts";
import type { Vault } from "../ports.ts";
import { accountContext } from "./accounts.ts";
import { secretContext } from "./cluster-keys.ts";
import { dataKeyContext } from "./data-key.ts";
import type { Tx } from "./journal.ts";

export interface Rewrapped {
  readonly clusterKeys: number;
  readonly accounts: number;
  readonly dataKeys: number;
  /** Notification channels that have a secret. */
  readonly channels: number;
  /** Client secrets of organizations' OpenID providers. */
  readonly singleSignOns: number;
}

/** Somebody else is connected to the database. */
export class DatabaseInUse extends Error {
  constructor(connections: number) {
    super(`the database has ${connections} other connections: stop every control plane first`);
  }
}

/** A connection that was just closed is seen for this long at most, in looks and milliseconds between them. */
const LOOKS = 15;
const LOOK_AGAIN_MS = 200;

async function untilAlone(tx: Tx): Promise<void> {
  for (let look = 1; ; look++) {
    // Within a transaction the view is taken once, unless it is let go.
    await tx.execute(sql`select pg_stat_clear_snapshot()`);
    const [others] = await tx.execute<{ n: number }>(sql`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`);
    if (others?.n === 0) return;
    if (look === LOOKS) throw new DatabaseInUse(others?.n ?? 0);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Throws `DatabaseInUse`, and what `from` throws for what it did not wrap; then nothing has changed. */
export async function rewrap(db: Database, from: Vault, to: Vault): Promise<Rewrapped> {
  const again = async (wrapped: Uint8Array, context: string) =>
    to.wrap(await from.unwrap(wrapped, context), context);
  return db.transaction(async (tx) => {
    await tx.execute(
      sql`lock table cp_secret, org_account, data_key, notification_channel, single_sign_on in access exclusive mode`,
    );
    await untilAlone(tx);
    const secrets = await tx.select().from(cpSecret);
    for (const { name, wrapped } of secrets) {
      const next = await again(wrapped, secretContext(name));
      await tx.update(cpSecret).set({ wrapped: next }).where(eq(cpSecret.name, name));
    }
    const accounts = await tx.select().from(orgAccount);
    for (const { orgId, accountSeed, signingSeed } of accounts) {
      const next = {
        accountSeed: await again(accountSeed, accountContext(orgId, "account")),
        signingSeed: await again(signingSeed, accountContext(orgId, "signing")),
      };
      await tx.update(orgAccount).set(next).where(eq(orgAccount.orgId, orgId));
    }
    const dataKeys = await tx.select().from(dataKey);
    for (const { id, orgId, wrapped } of dataKeys) {
      const next = await again(wrapped, dataKeyContext(orgId, id));
      await tx.update(dataKey).set({ wrapped: next }).where(eq(dataKey.id, id));
    }
    const channels = await rewrapChannels(tx, again);
    const singleSignOns = await rewrapClients(tx, again);
    const [clusterKeys, ofAccounts, ofKeys] = [secrets.length, accounts.length, dataKeys.length];
    return { clusterKeys, accounts: ofAccounts, dataKeys: ofKeys, channels, singleSignOns };
  });
}

type Again = (wrapped: Uint8Array, context: string) => Promise<Uint8Array>;

async function rewrapClients(tx: Tx, again: Again): Promise<number> {
  const clients = await tx.select().from(singleSignOn).where(isNotNull(singleSignOn.wrappedSecret));
  for (const { orgId, issuer, wrappedSecret } of clients) {
    const next = await again(wrappedSecret ?? new Uint8Array(), singleSignOnContext(orgId, issuer));
    await tx.update(singleSignOn).set({ wrappedSecret: next }).where(eq(singleSignOn.orgId, orgId));
  }
  return clients.length;
}

async function rewrapChannels(tx: Tx, again: Again): Promise<number> {
  const channels = await tx
    .select({ id: notificationChannel.id, wrapped: notificationChannel.wrapped })
    .from(notificationChannel)
    .where(isNotNull(notificationChannel.wrapped));
  for (const { id, wrapped } of channels) {
    const next = await again(wrapped ?? new Uint8Array(), channelContext(id));
    await tx.update(notificationChannel).set({ wrapped: next }).where(eq(notificationChannel.id, id));
  }
  return channels.length;
}
