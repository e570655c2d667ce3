/** Everything that a running stack must keep to itself, as whoever has all of its keys reads it. */
import { join } from "node:path";
import postgres from "postgres";
import { createVault } from "../../../control-plane/src/runtime/node/vault.ts";
import { createIdentityFile } from "../../../gateway/src/runtime/node/identity.ts";
import { ensureSecrets } from "../../local/secrets.ts";
import type { World } from "./world.ts";

export type Secrets = Map<string, string | Uint8Array>;

/** The installation's own keys and passwords, and every key that its database and its gateways hold wrapped. */
export async function secretsOf(world: World): Promise<Secrets> {
  const { keyEncryptionKey, operatorToken, postgresPassword, adminPassword, gatewayMasterKeys } =
    ensureSecrets(world.stack.home, []);
  const kek = Buffer.from(keyEncryptionKey, "base64");
  const found: Secrets = new Map<string, string | Uint8Array>([
    ["the key-encryption key", kek],
    ["the operator's token", operatorToken],
    ["the database's password", postgresPassword],
    ["the administrator's password", adminPassword],
  ]);
  for (const [gateway, base64] of Object.entries(gatewayMasterKeys)) {
    const masterKey = Buffer.from(base64, "base64");
    found.set(`${gateway}: master key`, masterKey);
    const identity = await createIdentityFile(
      join(world.stack.home, "gateways", gateway, "0"),
      masterKey,
      "0",
    ).read();
    if (identity === undefined) throw new Error(`${gateway} has no identity`);
    found.set(`${gateway}: nkey seed`, identity.nkeySeed);
    found.set(`${gateway}: seal key`, identity.sealKey.d);
  }
  for (const [name, seed] of await unwrapped(world.stack.urls.postgres, kek)) found.set(name, seed);
  return found;
}

/** What lies wrapped in the database, by its context. */
async function unwrapped(databaseUrl: string, kek: Uint8Array): Promise<Map<string, Uint8Array>> {
  const vault = await createVault(kek);
  const sql = postgres(databaseUrl, { max: 1 });
  try {
    const rows = await sql<{ context: string; wrapped: Uint8Array }[]>`
      select 'cp_secret|' || name as context, wrapped from cp_secret
      union all select 'data_key|' || org_id || '|' || id, wrapped from data_key
      union all select 'org_account|' || org_id || '|account', account_seed from org_account
      union all select 'org_account|' || org_id || '|signing', signing_seed from org_account`;
    const plain = await Promise.all(
      rows.map(async ({ context, wrapped }) => [context, await vault.unwrap(wrapped, context)] as const),
    );
    return new Map(plain);
  } finally {
    await sql.end();
  }
}
