/** Very many API keys at once, by the journal that the API's verbs use, so that gateways get them as signed changes. */

import { openDatabase } from "@claviger/control-plane/db/database";
import { apiKey } from "@claviger/control-plane/db/tables/api-key";
import { loadClusterKeys } from "@claviger/control-plane/fleet/cluster-keys";
import { journaled } from "@claviger/control-plane/fleet/journal";
import { putKey } from "@claviger/control-plane/keys/record";
import type { Ports } from "@claviger/control-plane/ports";
import { createIdentityProviders } from "@claviger/control-plane/runtime/node/identity-providers";
import { passwords } from "@claviger/control-plane/runtime/node/passwords";
import { createVault } from "@claviger/control-plane/runtime/node/vault";
import { webAuthn } from "@claviger/control-plane/runtime/node/web-authn";
import { hashSecret, makeApiKey } from "@claviger/shared/key/secret";
import { ensureSecrets } from "../../local/secrets.ts";
import type { World } from "./world.ts";

/** One change takes 256 KiB; a key without any limit is 500 bytes of it. */
const KEYS_PER_CHANGE = 400;

export interface BulkKeys {
  readonly secrets: readonly string[];
  /** `<epoch>.<revision>` that a gateway has when it has all of them. */
  readonly revision: string;
}

/** Makes `count` active keys like the demo's; the control plane's relay publishes the changes. */
export async function bulkKeys(world: World, count: number): Promise<BulkKeys> {
  const { db, close } = openDatabase(world.stack.urls.postgres, 2);
  try {
    const ports = await portsOn(world, db);
    const [pattern] = await db.select().from(apiKey).limit(1);
    if (pattern === undefined) throw new Error("the demo has a key");
    const secrets: string[] = [];
    let revision = "";
    while (secrets.length < count) {
      const made = Array.from({ length: Math.min(KEYS_PER_CHANGE, count - secrets.length) }, () =>
        makeApiKey(ports.random),
      );
      const rows = await Promise.all(
        made.map(async ({ id, secret, preview }, n) => ({
          ...pattern,
          id,
          name: `Bulk ${secrets.length + n}`,
          preview,
          hashes: [{ hash: await hashSecret(secret), generation: 1, notAfterMs: null }],
        })),
      );
      const journal = await journaled(ports, pattern.orgId, async (tx) => {
        await tx.insert(apiKey).values(rows);
        const entry = {
          actor: { kind: "system", id: "system", name: "bulk" } as const,
          action: "api-key.create",
          effect: "giving" as const,
          changes: rows.map(putKey),
          keys: rows.map(({ id }) => id),
        };
        return { value: null, entry };
      });
      revision = journal.revision;
      for (const { secret } of made) secrets.push(secret);
    }
    return { secrets, revision };
  } finally {
    await close();
  }
}

/** What the journal needs of a control-plane process; nothing here is connected to the bus. */
async function portsOn(world: World, db: Ports["db"]): Promise<Ports> {
  const { keyEncryptionKey } = ensureSecrets(world.stack.home, []);
  const vault = await createVault(Buffer.from(keyEncryptionKey, "base64"));
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const { sign, verificationKeys } = await loadClusterKeys(db, { vault, random });
  return {
    db,
    clock: { nowMs: Date.now },
    random,
    sign,
    vault,
    passwords,
    identityProviders: createIdentityProviders(() => fetch),
    webAuthn,
    bus: { publish: () => undefined, connected: false },
    wake: { on: () => () => undefined },
    fleet: { natsUrls: [], verificationKeys, ask: async () => undefined },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  };
}
