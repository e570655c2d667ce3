/** What a long outage leaves behind: a gateway whose bus credentials ran out, and a control plane that knows it. */
import { join } from "node:path";
import { openDatabase } from "../../../control-plane/src/db/database.ts";
import { mintReplicaJwt } from "../../../control-plane/src/fleet/accounts.ts";
import type { Ports } from "../../../control-plane/src/ports.ts";
import { createVault } from "../../../control-plane/src/runtime/node/vault.ts";
import type { IdentityFile } from "../../../gateway/src/identity/identity.ts";
import { createIdentityFile } from "../../../gateway/src/runtime/node/identity.ts";
import { ensureSecrets } from "../../local/secrets.ts";
import type { World } from "./world.ts";

const DAYS_AGO_MS = 2 * 86_400_000;

/** Call it while the gateway is stopped. Returns its identity as it lies on disk. */
export async function expireCredentials(world: World, gateway: string): Promise<IdentityFile> {
  const { home, urls } = world.stack;
  const secrets = ensureSecrets(home, []);
  const masterKey = Buffer.from(secrets.gatewayMasterKeys[gateway] ?? "", "base64");
  const file = createIdentityFile(join(home, "gateways", gateway, "0"), masterKey, "0");
  const identity = await file.read();
  if (identity?.enrolled === undefined) throw new Error(`${gateway} has not enrolled`);
  const { db, close } = openDatabase(urls.postgres, 1);
  try {
    const vault = await createVault(Buffer.from(secrets.keyEncryptionKey, "base64"));
    const clock = { nowMs: () => Date.now() - DAYS_AGO_MS };
    const { organizationId, replicaId: id } = identity.enrolled;
    const ports = { vault, clock } as unknown as Ports;
    const { jwt } = await mintReplicaJwt(db, ports, organizationId, { id, nkey: identity.nkey });
    await db.execute(`update replica set nats_jwt_expires_at = now() - interval '1 day' where id = '${id}'`);
    await file.write({ ...identity, enrolled: { ...identity.enrolled, natsJwt: jwt } });
    return file;
  } finally {
    await close();
  }
}
