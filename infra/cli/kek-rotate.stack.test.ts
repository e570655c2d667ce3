import { openDatabase } from "@claviger/control-plane/db/database";
import { channelContext, notificationChannel } from "@claviger/control-plane/db/tables/notification-channel";
import { organization } from "@claviger/control-plane/db/tables/organization";
import { singleSignOn, singleSignOnContext } from "@claviger/control-plane/db/tables/single-sign-on";
import { accountContext } from "@claviger/control-plane/fleet/accounts";
import { loadClusterKeys } from "@claviger/control-plane/fleet/cluster-keys";
import { dataKeyContext } from "@claviger/control-plane/fleet/data-key";
import { KEK, random, startCluster } from "@claviger/control-plane/fleet/testing/control-plane";
import { createTestOrganization } from "@claviger/control-plane/fleet/testing/organization";
import { createVault } from "@claviger/control-plane/runtime/node/vault";
import { expect, test } from "vitest";
import { runClaviger } from "./testing/terminal.ts";

const NEXT = new Uint8Array(32).fill(1);
const WRONG = new Uint8Array(32).fill(2);
const NOT_OPENED = "was not wrapped under this key-encryption key (CLAVIGER_KEK)";

/** All that is wrapped, opened with this key. */
async function openAll(databaseUrl: string, kek: Uint8Array) {
  const { db, close } = openDatabase(databaseUrl, 1);
  try {
    const vault = await createVault(kek);
    const { operator, verificationKeys } = await loadClusterKeys(db, { vault, random });
    const opened: [string, string][] = [];
    const open = async (wrapped: Uint8Array, context: string) =>
      void opened.push([context, Buffer.from(await vault.unwrap(wrapped, context)).toString("hex")]);
    type Row = Record<"id" | "org_id" | "issuer", string> &
      Record<"wrapped" | "account" | "signing" | "wrapped_secret", Uint8Array>;
    const accounts =
      "select org_id, account_seed as account, signing_seed as signing from org_account order by org_id";
    for (const { org_id, account, signing } of await db.execute<Row>(accounts)) {
      await open(account, accountContext(org_id, "account"));
      await open(signing, accountContext(org_id, "signing"));
    }
    for (const { id, org_id, wrapped } of await db.execute<Row>("select * from data_key order by id")) {
      await open(wrapped, dataKeyContext(org_id, id));
    }
    for (const { id, wrapped } of await db.execute<Row>("select * from notification_channel order by id")) {
      await open(wrapped, channelContext(id));
    }
    for (const { org_id, issuer, wrapped_secret } of await db.execute<Row>("select * from single_sign_on")) {
      await open(wrapped_secret, singleSignOnContext(org_id, issuer));
    }
    return { operator: operator.publicKey, verificationKeys, opened };
  } finally {
    await close();
  }
}

test("after a rotation the new key opens all that was wrapped, and the former nothing; while anybody is connected nothing changes", async () => {
  const cluster = await startCluster();
  const cp = await cluster.start();
  for (let i = 0; i < 2; i++) await createTestOrganization(cp.ports);
  const wrapped = await cp.ports.vault.wrap(new TextEncoder().encode("whsec_x"), channelContext("nch_1"));
  await cp.ports.db.insert(notificationChannel).values({
    ...{ id: "nch_1", orgId: "org_1", kind: "webhook", name: "Ops", target: "https://example.com" },
    ...{ wrapped, createdAt: new Date(), revision: "1.1" },
  });
  const [orgId, made] = ["org_000000000001", { createdAt: new Date(), revision: "1.1" }];
  await cp.ports.db.insert(organization).values({ id: orgId, name: "Acme", ...made });
  const [issuer, secret] = ["https://id.example.com", new TextEncoder().encode("a client secret")];
  await cp.ports.db.insert(singleSignOn).values({
    ...{ orgId, issuer, clientId: "claviger", ...made },
    wrappedSecret: await cp.ports.vault.wrap(secret, singleSignOnContext(orgId, issuer)),
  });
  const rotate = (from: Uint8Array) =>
    runClaviger(["kek", "rotate"], {
      env: {
        DATABASE_URL: cluster.databaseUrl,
        CLAVIGER_KEK: Buffer.from(from).toString("base64"),
        CLAVIGER_KEK_NEXT: Buffer.from(NEXT).toString("base64"),
      },
    });
  const before = await openAll(cluster.databaseUrl, KEK);
  await expect(rotate(KEK)).rejects.toThrow("stop every control plane first");
  await cp.stop();
  await expect(rotate(WRONG)).rejects.toThrow(NOT_OPENED);
  expect(await openAll(cluster.databaseUrl, KEK)).toEqual(before);

  const { lines } = await rotate(KEK);
  expect(lines[0]).toBe(
    "wrapped again: 5 keys of the cluster, 2 accounts, 2 data keys, 1 notification channels, 1 secrets of single sign-on",
  );
  expect(await openAll(cluster.databaseUrl, NEXT)).toEqual(before);
  await expect(openAll(cluster.databaseUrl, KEK)).rejects.toThrow(NOT_OPENED);
  await cluster.stop();
});
