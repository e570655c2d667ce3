/**
 * Provider credentials, opened for exactly the host that they were sealed for (PROTOCOL §2.13). The bargain: the
 * plaintext lives in this process's memory only, and a changed base URL opens nothing.
 */
import { fromBase64Url } from "@claviger/shared/wire/chain";
import type { ProviderRecord, SecretRecord } from "@claviger/shared/wire/record";
import { compactDecrypt, importJWK } from "jose";
import type { Log, SharedKey, SharedKeys, Vault } from "../ports.ts";

export interface VaultIdentity {
  organizationId: string;
  gatewayId: string;
  replicaId: string;
  /** X25519 private key (RFC 8037). */
  sealKey: { kty: "OKP"; crv: "X25519"; x: string; d: string };
}

export interface OpeningVault extends Vault {
  /** Made from the data keys, which all replicas of the organization have. */
  readonly shared: SharedKeys;
  /** Where sealed credentials are found; until this is told there are none. */
  readFrom(secretOf: (id: string) => SecretRecord | undefined): void;
  /** Opens data keys that were sealed to this replica; those that are not for it are left alone. */
  addDataKeys(jwes: readonly string[]): Promise<void>;
  /** Opens nothing from now on. */
  forget(): void;
}

/** Opened credentials that are kept; more than there are LLM keys in most organizations. */
const OPENED_MAX = 4_096;

export function createVault(identity: VaultIdentity, log: Log): OpeningVault {
  let secretOf: (id: string) => SecretRecord | undefined = () => undefined;
  const dataKeys = new Map<string, CryptoKey>();
  /** In the order in which they came. */
  const sharedKeys = new Map<string, SharedKey>();
  /** By everything that the credential is bound to. */
  const opened = new Map<string, Promise<string | undefined>>();
  let forgot = false;
  return {
    shared: { newest: () => [...sharedKeys.values()].at(-1), byId: (id) => sharedKeys.get(id) },
    readFrom(source) {
      secretOf = source;
    },
    async addDataKeys(jwes) {
      for (const jwe of jwes) {
        const found = await openDataKey(identity, jwe);
        if (found === undefined) log.error({}, "a data key was not for this replica or cannot be opened");
        else if (!forgot) {
          dataKeys.set(found.id, found.key);
          sharedKeys.set(found.id, { id: found.id, key: found.shared });
        }
      }
    },
    forget() {
      forgot = true;
      secretOf = () => undefined;
      dataKeys.clear();
      sharedKeys.clear();
      opened.clear();
    },
    credentialFor(provider) {
      const secret = secretOf(provider.id);
      if (secret === undefined || !isFor(secret, provider)) return Promise.resolve(undefined);
      const dataKey = dataKeys.get(secret.dataKeyId);
      if (dataKey === undefined) return Promise.resolve(undefined);
      const name = `${secret.id}|${secret.version}|${secret.provider}|${secret.host}|${secret.dataKeyId}|${secret.iv}`;
      const known = opened.get(name);
      if (known !== undefined) return known;
      const opening = openSecret(identity.organizationId, dataKey, secret);
      if (opened.size >= OPENED_MAX) opened.clear();
      opened.set(name, opening);
      return opening;
    },
  };
}

function isFor(secret: SecretRecord, provider: ProviderRecord): boolean {
  return (
    secret.version === provider.secretVersion &&
    secret.provider === provider.provider &&
    secret.host === hostOf(provider)
  );
}

/** Read once per record, which is never changed in place. */
const hosts = new WeakMap<ProviderRecord, string>();

function hostOf(provider: ProviderRecord): string {
  let host = hosts.get(provider);
  if (host === undefined) {
    host = new URL(provider.baseUrl).host;
    hosts.set(provider, host);
  }
  return host;
}

async function openDataKey(
  { organizationId, gatewayId, replicaId, sealKey }: VaultIdentity,
  jwe: string,
): Promise<{ id: string; key: CryptoKey; shared: CryptoKey } | undefined> {
  try {
    const privateKey = await importJWK(sealKey, "ECDH-ES+A256KW");
    const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey, {
      keyManagementAlgorithms: ["ECDH-ES+A256KW"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    const { org, gateway, replica, dek_id: id } = protectedHeader as Record<string, unknown>;
    const ours = org === organizationId && gateway === gatewayId && replica === replicaId;
    if (!ours || typeof id !== "string" || plaintext.length !== 32) return undefined;
    const raw = new Uint8Array(plaintext);
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    return { id, key, shared: await deriveShared(raw, organizationId) };
  } catch {
    // Not for this key, or changed on the way: the caller says so, without any of its content.
    return undefined;
  }
}

/** Another key than the one that credentials are under (RFC 5869). */
async function deriveShared(dataKey: Uint8Array<ArrayBuffer>, org: string): Promise<CryptoKey> {
  const secret = await crypto.subtle.importKey("raw", dataKey, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(`claviger shared between replicas|${org}`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
  return crypto.subtle.deriveKey(hkdf, secret, { name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
}

async function openSecret(org: string, key: CryptoKey, secret: SecretRecord): Promise<string | undefined> {
  const { id, version, provider, host } = secret;
  const additionalData = new TextEncoder().encode(`${org}|${id}|${version}|${provider}|${host}`);
  try {
    const iv = new Uint8Array(fromBase64Url(secret.iv));
    const ciphertext = new Uint8Array(fromBase64Url(secret.ciphertext));
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, ciphertext);
    return new TextDecoder().decode(plain);
  } catch {
    return undefined;
  }
}
