import type { Resource } from "@claviger/shared/api/resource";
import type { PasskeyView } from "@claviger/shared/api/sign-in";
import type { passkey } from "../db/tables/passkey.ts";
import type { WebAuthnKey } from "../ports.ts";

export type PasskeyRow = typeof passkey.$inferSelect;
export type PasskeyResource = Resource<PasskeyView>;

export function passkeyResource(row: PasskeyRow): PasskeyResource {
  const { name, synced, createdAt, lastUsedAt } = row;
  return {
    type: "passkey",
    id: row.id,
    attributes: {
      name,
      synced,
      createdAt: createdAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
    },
  };
}

export function keyOf({ credentialId, publicKey, counter, transports }: PasskeyRow): WebAuthnKey {
  return { credentialId, publicKey, counter, transports };
}
