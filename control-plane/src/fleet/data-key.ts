/**
 * The organization's data keys: what provider credentials are encrypted under (PROTOCOL §2.13). They lie wrapped in
 * the database and reach a replica sealed to its own public key; the bus never carries one in the clear.
 */
import { fromBase64Url, toBase64Url } from "@claviger/shared/wire/chain";
import type { SecretRecord } from "@claviger/shared/wire/record";
import { and, eq, isNull, sql } from "drizzle-orm";
import { CompactEncrypt, importJWK } from "jose";
import { newId } from "../db/new-id.ts";
import { dataKey } from "../db/tables/data-key.ts";
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";

export type DataKeyRow = typeof dataKey.$inferSelect;

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

/** A further data key; it encrypts when it is the only one left (`rotate-data-key.ts`). */
export async function createDataKey(tx: Tx, ports: Ports, orgId: string): Promise<string> {
  const id = newId(ports.random, "dek");
  const wrapped = await ports.vault.wrap(ports.random(32), dataKeyContext(orgId, id));
  // The time below the organization's lock: who enrolled before it, below the same lock, has not been given this key.
  await tx.insert(dataKey).values({ id, orgId, wrapped, createdAt: sql`clock_timestamp()` });
  return id;
}

/** The keys that records may name, oldest first: the first encrypts, a second one is on its way to the gateways. */
export async function liveDataKeys(db: Pick<Tx, "select">, orgId: string): Promise<DataKeyRow[]> {
  const live = and(eq(dataKey.orgId, orgId), isNull(dataKey.retiredAt));
  return db.select().from(dataKey).where(live).orderBy(dataKey.createdAt);
}

/** Encrypts a provider credential under the organization's data key in force, bound to its host. */
export async function sealCredential(tx: Tx, ports: Ports, credential: Credential): Promise<SecretRecord> {
  const [inForce] = await liveDataKeys(tx, credential.orgId);
  if (inForce === undefined) throw new Error("organization without a data key");
  return encrypt(ports, inForce, credential, new TextEncoder().encode(credential.secret));
}

/** The same credential under another data key. */
export async function reseal(
  ports: Ports,
  keys: { from: DataKeyRow; to: DataKeyRow },
  record: SecretRecord,
): Promise<SecretRecord> {
  const { orgId } = keys.from;
  const key = await cipherKey(ports, keys.from);
  const iv = fromBase64Url(record.iv);
  const additionalData = bindingOf({ orgId, ...record });
  const plain = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: new Uint8Array(iv), additionalData },
    key,
    new Uint8Array(fromBase64Url(record.ciphertext)),
  );
  return encrypt(ports, keys.to, { orgId, ...record }, new Uint8Array(plain));
}

async function encrypt(
  ports: Ports,
  row: DataKeyRow,
  binding: Omit<Credential, "secret">,
  plain: Uint8Array<ArrayBuffer>,
): Promise<SecretRecord> {
  const key = await cipherKey(ports, row);
  const iv = new Uint8Array(ports.random(12));
  const additionalData = bindingOf(binding);
  const ciphertext = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain);
  const { id, version, provider, host } = binding;
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

/** The associated data: a credential that is moved to another host, provider or version does not open. */
function bindingOf({
  orgId,
  id,
  version,
  provider,
  host,
}: Omit<Credential, "secret">): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${orgId}|${id}|${version}|${provider}|${host}`);
}

async function cipherKey(ports: Ports, row: DataKeyRow): Promise<CryptoKey> {
  const plain = await ports.vault.unwrap(row.wrapped, dataKeyContext(row.orgId, row.id));
  return crypto.subtle.importKey("raw", new Uint8Array(plain), "AES-GCM", false, ["encrypt", "decrypt"]);
}

/**
 * Every data key that records may still name, as compact JWEs that only this replica can open (RFC 7516, RFC 8037); none
 * once it is detached. One statement looks at both, so a key that a detachment made never goes to whom it detached.
 */
export async function sealDataKeys(
  db: Pick<Tx, "select">,
  ports: Ports,
  target: SealTarget,
): Promise<string[]> {
  const attached = sql`exists (select 1 from replica r where r.id = ${target.replicaId} and r.gone_at is null)`;
  const live = and(eq(dataKey.orgId, target.orgId), isNull(dataKey.retiredAt), attached);
  const rows = await db.select().from(dataKey).where(live).orderBy(dataKey.createdAt);
  const publicKey = await importJWK({ kty: "OKP", crv: "X25519", x: target.sealKey }, "ECDH-ES+A256KW");
  return Promise.all(
    rows.map(async (row) => {
      const plain = await ports.vault.unwrap(row.wrapped, dataKeyContext(target.orgId, row.id));
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

/** What a data key is wrapped for. */
export function dataKeyContext(orgId: string, id: string): string {
  return `data_key|${orgId}|${id}`;
}
