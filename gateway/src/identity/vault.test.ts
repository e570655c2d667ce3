import { toBase64Url } from "@claviger/shared/wire/chain";
import type { ProviderRecord, SecretRecord } from "@claviger/shared/wire/record";
import { CompactEncrypt, importJWK } from "jose";
import { beforeAll, expect, test } from "vitest";
import { newIdentity } from "./identity.ts";
import { createVault, type OpeningVault, type VaultIdentity } from "./vault.ts";

const SECRET = "sk-provider-credential";
const complaints: string[] = [];
const log = {
  debug() {},
  info() {},
  warn() {},
  error: (_: object, message: string) => complaints.push(message),
};

const dataKey = crypto.getRandomValues(new Uint8Array(32));
let identity: VaultIdentity;
let sealed: SecretRecord;

const provider: ProviderRecord = {
  id: "llm_000000000001",
  projectId: "prj_000000000001",
  provider: "openai",
  name: "openai",
  baseUrl: "https://api.openai.com:8443/v1",
  models: [],
  secretVersion: 2,
};

beforeAll(async () => {
  const { sealKey } = await newIdentity();
  identity = {
    organizationId: "org_000000000001",
    gatewayId: "gw_000000000001",
    replicaId: "rep_000000000001",
    sealKey,
  };
  sealed = await sealedSecret({});
});

async function sealedSecret(bound: Partial<{ org: string; host: string }>): Promise<SecretRecord> {
  const org = bound.org ?? "org_000000000001";
  const host = bound.host ?? "api.openai.com:8443";
  const key = await crypto.subtle.importKey("raw", dataKey, "AES-GCM", false, ["encrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const additionalData = new TextEncoder().encode(`${org}|${provider.id}|2|openai|${host}`);
  const plain = new TextEncoder().encode(SECRET);
  const ciphertext = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain);
  return {
    id: provider.id,
    version: 2,
    provider: "openai",
    host: "api.openai.com:8443",
    dataKeyId: "dek_000000000001",
    iv: toBase64Url(iv),
    ciphertext: toBase64Url(new Uint8Array(ciphertext)),
  };
}

async function jwe(header: Record<string, unknown> = {}): Promise<string> {
  const { x } = identity.sealKey;
  const publicKey = await importJWK({ kty: "OKP", crv: "X25519", x }, "ECDH-ES+A256KW");
  return new CompactEncrypt(dataKey)
    .setProtectedHeader({
      alg: "ECDH-ES+A256KW",
      enc: "A256GCM",
      org: identity.organizationId,
      gateway: identity.gatewayId,
      replica: identity.replicaId,
      dek_id: "dek_000000000001",
      ...header,
    })
    .encrypt(publicKey);
}

async function vaultWith(jwes: string[], secret: SecretRecord | undefined = sealed): Promise<OpeningVault> {
  const vault = createVault(identity, log);
  vault.readFrom((id) => (id === provider.id ? secret : undefined));
  await vault.addDataKeys(jwes);
  return vault;
}

test("a credential is opened for the host that it was sealed for, once", async () => {
  const vault = await vaultWith([await jwe()]);
  expect(await vault.credentialFor(provider)).toBe(SECRET);
  expect(vault.credentialFor(provider)).toBe(vault.credentialFor(provider));
});

test("what one replica seals with a shared key all others of the organization open, and nothing else does", async () => {
  const { sealKey } = await newIdentity();
  const x = await importJWK({ kty: "OKP", crv: "X25519", x: sealKey.x }, "ECDH-ES+A256KW");
  const other = createVault({ ...identity, gatewayId: "gw_000000000002", sealKey }, log);
  const header = { alg: "ECDH-ES+A256KW", enc: "A256GCM", org: identity.organizationId };
  const place = { gateway: "gw_000000000002", replica: identity.replicaId, dek_id: "dek_000000000001" };
  const theirs = new CompactEncrypt(dataKey).setProtectedHeader({ ...header, ...place });
  await other.addDataKeys([await theirs.encrypt(x)]);
  const mine = await vaultWith([await jwe()]);
  const iv = new Uint8Array(12);
  const [sealer, opener] = [mine.shared.newest(), other.shared.byId("dek_000000000001")];
  if (sealer === undefined || opener === undefined) throw new Error("there is a key");
  const text = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, sealer.key, new Uint8Array([7]));
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, opener.key, text);
  expect([...new Uint8Array(plain)]).toEqual([7]);
  const raw = await crypto.subtle.importKey("raw", dataKey, "AES-GCM", false, ["decrypt"]);
  await expect(crypto.subtle.decrypt({ name: "AES-GCM", iv }, raw, text)).rejects.toThrow();
  mine.forget();
  expect(mine.shared.newest()).toBeUndefined();
});

test("another host, port, provider, version or a missing secret opens nothing", async () => {
  const vault = await vaultWith([await jwe()]);
  for (const changed of [
    { baseUrl: "https://evil.example:8443/v1" },
    { baseUrl: "https://api.openai.com/v1" },
    { provider: "anthropic" },
    { secretVersion: 3 },
    { id: "llm_000000000002" },
  ]) {
    expect(await vault.credentialFor({ ...provider, ...changed })).toBeUndefined();
  }
});

test("a record that was changed, or sealed for another organization or host, opens nothing", async () => {
  for (const secret of [
    {
      ...sealed,
      ciphertext: `${sealed.ciphertext.startsWith("A") ? "B" : "A"}${sealed.ciphertext.slice(1)}`,
    },
    { ...sealed, iv: "AAAAAAAAAAAAAAAA" },
    { ...sealed, ciphertext: "" },
    { ...sealed, dataKeyId: "dek_000000000002" },
    await sealedSecret({ org: "org_000000000002" }),
    await sealedSecret({ host: "evil.example" }),
  ]) {
    const vault = await vaultWith([await jwe()], secret);
    expect(await vault.credentialFor(provider)).toBeUndefined();
  }
});

test("a data key for somebody else, or that was changed, is left alone and complained about", async () => {
  const good = await jwe();
  for (const bad of [
    await jwe({ org: "org_000000000002" }),
    await jwe({ gateway: "gw_000000000002" }),
    await jwe({ replica: "rep_000000000002" }),
    await jwe({ dek_id: 7 }),
    `${good.slice(0, -4)}AAAA`,
    "not a jwe",
  ]) {
    complaints.length = 0;
    const vault = await vaultWith([bad]);
    expect(await vault.credentialFor(provider)).toBeUndefined();
    expect(complaints).toHaveLength(1);
  }
});

test("a credential that could not be opened yet is opened once its data key is there", async () => {
  const vault = await vaultWith([]);
  expect(await vault.credentialFor(provider)).toBeUndefined();
  await vault.addDataKeys([await jwe()]);
  expect(await vault.credentialFor(provider)).toBe(SECRET);
});
