/** One NATS account per organization: made with it, signed again when a user is revoked, minting its replicas' users. */
import { eq, sql } from "drizzle-orm";
import { orgAccount } from "../db/tables/org-account.ts";
import type { Ports } from "../ports.ts";
import { loadAccountSigners } from "./cluster-keys.ts";
import type { Tx } from "./journal.ts";
import { organizationAccountJwt, replicaJwt, USER_JWT_SECONDS } from "./nats-jwt.ts";
import { nkeyOf } from "./nkey.ts";

/** What `fleet` notifications carry when an account's JWT has to be pushed. */
export const ACCOUNT_CHANGED = "account:";

/** Makes the account and announces it; bus credentials can be minted for it after the commit. */
export async function createAccount(tx: Tx, ports: Ports, orgId: string): Promise<void> {
  const { operator, controlPlane } = await loadAccountSigners(tx, ports.vault);
  const accountSeed = ports.random(32);
  const signingSeed = ports.random(32);
  const account = nkeyOf("account", accountSeed).publicKey;
  const signingKey = nkeyOf("account", signingSeed).publicKey;
  const organization = { orgId, account, signingKey, revocations: {} };
  await tx.insert(orgAccount).values({
    ...organization,
    accountSeed: await ports.vault.wrap(accountSeed, accountContext(orgId, "account")),
    signingSeed: await ports.vault.wrap(signingSeed, accountContext(orgId, "signing")),
    jwt: organizationAccountJwt(operator, controlPlane, organization, nowSeconds(ports)),
  });
  await announce(tx, orgId);
}

/** Kills the bus credentials of these users that were issued until now; live connections are dropped when it is pushed. */
export async function revokeUsers(
  tx: Tx,
  ports: Ports,
  orgId: string,
  nkeys: readonly string[],
): Promise<void> {
  const [row] = await tx.select().from(orgAccount).where(eq(orgAccount.orgId, orgId)).for("update");
  if (row === undefined) throw new Error("organization without a NATS account");
  const { operator, controlPlane } = await loadAccountSigners(tx, ports.vault);
  const iat = nowSeconds(ports);
  const revocations = { ...row.revocations };
  for (const nkey of nkeys) revocations[nkey] = iat + 1;
  const jwt = organizationAccountJwt(operator, controlPlane, { ...row, revocations }, iat);
  await tx
    .update(orgAccount)
    .set({ revocations, jwt, updatedAt: sql`clock_timestamp()` })
    .where(eq(orgAccount.orgId, orgId));
  await announce(tx, orgId);
}

/** A fresh bus credential for a replica, and when it ends (ms). */
export async function mintReplicaJwt(
  db: Pick<Tx, "select">,
  ports: Ports,
  orgId: string,
  replica: { id: string; nkey: string },
): Promise<{ jwt: string; expiresAtMs: number }> {
  const [row] = await db.select().from(orgAccount).where(eq(orgAccount.orgId, orgId));
  if (row === undefined) throw new Error("organization without a NATS account");
  const signing = nkeyOf(
    "account",
    await ports.vault.unwrap(row.signingSeed, accountContext(orgId, "signing")),
  );
  const iat = nowSeconds(ports);
  return {
    jwt: replicaJwt(signing, row.account, replica, iat),
    expiresAtMs: (iat + USER_JWT_SECONDS) * 1000,
  };
}

async function announce(tx: Tx, orgId: string): Promise<void> {
  await tx.execute(sql`select pg_notify('fleet', ${ACCOUNT_CHANGED + orgId})`);
}

/** What an account's seeds are wrapped for. */
export function accountContext(orgId: string, what: "account" | "signing"): string {
  return `org_account|${orgId}|${what}`;
}

function nowSeconds(ports: Ports): number {
  return Math.floor(ports.clock.nowMs() / 1000);
}
