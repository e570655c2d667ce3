/**
 * The organization's data keys: what provider credentials are encrypted under (PROTOCOL §2.13). They lie wrapped in
 * the database and reach a replica sealed to its own public key; the bus never carries one in the clear.
 */
import { toBase64Url } from "@claviger/shared/wire/chain";
import type { SecretRecord } from "@claviger/shared/wire/record";
import { and, desc, eq, isNull } from "drizzle-orm";
import { CompactEncrypt, importJWK } from "jose";
import { newId } from "../db/new-id.ts";
import { dataKey } from "../db/tables/data-key.ts";
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";

export interface Credential {
  orgId: string;
  id: string;
  version: number;
  provider: string;
  /** Host (with port, when not the default) that the credential may be sent to. */
  host: string;
  secret: string;
}

export interface SealTarget {
  orgId: string;
  gatewayId: string;
  replicaId: string;
  /** X25519 public key, base64url. */
  sealKey: string;
}

/** A new data key, in force from now on. */
export async function createDataKey(tx: Tx, ports: Ports, orgId: string): Promise<string> {
  const id = newId(ports.random, "dek");
  const wrapped = await ports.vault.wrap(ports.random(32), contextOf(orgId, id));
  await tx.insert(dataKey).values({ id, orgId, wrapped });
  return id;
}

/** Encrypts a provider credential under the organization's current data key, bound to its host. */
export async function sealCredential(tx: Tx, ports: Ports, credential: Credential): Promise<SecretRecord> {
  const { orgId, id, version, provider, host } = credential;
  const inForce = and(eq(dataKey.orgId, orgId), isNull(dataKey.retiredAt));
  const [row] = await tx.select().from(dataKey).where(inForce).orderBy(desc(dataKey.createdAt)).limit(1);
  if (row === undefined) throw new Error("organization without a data key");
  const plain = await ports.vault.unwrap(row.wrapped, contextOf(orgId, row.id));
  const key = await crypto.subtle.importKey("raw", new Uint8Array(plain), "AES-GCM", false, ["encrypt"]);
  const iv = new Uint8Array(ports.random(12));
  const additionalData = new TextEncoder().encode(`${orgId}|${id}|${version}|${provider}|${host}`);
  const secret = new TextEncoder().encode(credential.secret);
  const ciphertext = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, secret);
  return {
    id,
    version,
    provider,
    host,
    dataKeyId: row.id,
    iv: toBase64Url(iv),
    ciphertext: toBase64Url(new Uint8Array(ciphertext)),
  };
}

/** Every data key that records may still name, as compact JWEs that only this replica can open (RFC 7516, RFC 8037). */
export async function sealDataKeys(
  db: Pick<Tx, "select">,
  ports: Ports,
  target: SealTarget,
): Promise<string[]> {
  const held = and(eq(dataKey.orgId, target.orgId), isNull(dataKey.retiredAt));
  const rows = await db.select().from(dataKey).where(held).orderBy(dataKey.createdAt);
  const publicKey = await importJWK({ kty: "OKP", crv: "X25519", x: target.sealKey }, "ECDH-ES+A256KW");
  return Promise.all(
    rows.map(async (row) => {
      const plain = await ports.vault.unwrap(row.wrapped, contextOf(target.orgId, row.id));
      return new CompactEncrypt(plain)
        .setProtectedHeader({
          alg: "ECDH-ES+A256KW",
          enc: "A256GCM",
          org: target.orgId,
          gateway: target.gatewayId,
          replica: target.replicaId,
          dek_id: row.id,
        })
        .encrypt(publicKey);
    }),
  );
}

function contextOf(orgId: string, id: string): string {
  return `data_key|${orgId}|${id}`;
}
