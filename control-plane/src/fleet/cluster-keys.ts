/**
 * The control plane's own keys: made once, under an advisory lock, and kept in `cp_secret`, wrapped by the
 * key-encryption key. Every process signs by itself.
 */
import type { VerificationKey } from "@claviger/shared/wire/enrol";
import { createSign, type Sign } from "@claviger/shared/wire/sign";
import { inArray, sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import { cpSecret } from "../db/tables/cp-secret.ts";
import type { Ports, Vault } from "../ports.ts";
import type { Tx } from "./journal.ts";
import { type Nkey, type NkeyRole, nkeyOf, privateKeyOf, publicBytesOf } from "./nkey.ts";

const NATS_ROLES = {
  "nats.operator": "operator",
  "nats.system": "account",
  "nats.control-plane": "account",
} as const satisfies Record<string, NkeyRole>;
type NatsName = keyof typeof NATS_ROLES;
type JwsName = "jws.current" | "jws.next";
const NAMES: readonly (NatsName | JwsName)[] = [
  "nats.operator",
  "nats.system",
  "nats.control-plane",
  "jws.current",
  "jws.next",
];

export interface ClusterKeys {
  readonly operator: Nkey;
  readonly system: Nkey;
  readonly controlPlane: Nkey;
  readonly sign: Sign;
  /** Current first. */
  readonly verificationKeys: readonly VerificationKey[];
}

type Keyring = Pick<Ports, "vault" | "random">;

/** The cluster's keys; the first process ever to ask makes them. Throws when the key-encryption key is another one. */
export async function loadClusterKeys(db: Database, ports: Keyring): Promise<ClusterKeys> {
  const seeds = await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('claviger.cp_secret'))`);
    return readOrMake(tx, ports);
  });
  const current = seedOf(seeds, "jws.current");
  const next = seedOf(seeds, "jws.next");
  const verificationKeys = [verificationKeyOf(current), verificationKeyOf(next)];
  const key = await crypto.subtle.importKey("pkcs8", pkcs8Of(current), "Ed25519", false, ["sign"]);
  return {
    operator: natsKeyOf(seeds, "nats.operator"),
    system: natsKeyOf(seeds, "nats.system"),
    controlPlane: natsKeyOf(seeds, "nats.control-plane"),
    sign: createSign(key, verificationKeyOf(current).kid),
    verificationKeys,
  };
}

/** Operator and control-plane account inside a transaction, for whoever signs an organization's account. */
export async function loadAccountSigners(
  tx: Tx,
  vault: Vault,
): Promise<{ operator: Nkey; controlPlane: string }> {
  const rows = await tx
    .select()
    .from(cpSecret)
    .where(inArray(cpSecret.name, ["nats.operator", "nats.control-plane"]));
  const seeds = new Map<string, Uint8Array>();
  for (const row of rows) seeds.set(row.name, await vault.unwrap(row.wrapped, secretContext(row.name)));
  return {
    operator: natsKeyOf(seeds, "nats.operator"),
    controlPlane: natsKeyOf(seeds, "nats.control-plane").publicKey,
  };
}

async function readOrMake(tx: Tx, ports: Keyring): Promise<Map<string, Uint8Array>> {
  const seeds = new Map<string, Uint8Array>();
  for (const row of await tx.select().from(cpSecret)) {
    seeds.set(row.name, await ports.vault.unwrap(row.wrapped, secretContext(row.name)));
  }
  for (const name of NAMES.filter((wanted) => !seeds.has(wanted))) {
    const seed = ports.random(32);
    seeds.set(name, seed);
    await tx.insert(cpSecret).values({ name, wrapped: await ports.vault.wrap(seed, secretContext(name)) });
  }
  return seeds;
}

/** What a key of the cluster is wrapped for. */
export function secretContext(name: string): string {
  return `cp_secret|${name}`;
}

function seedOf(seeds: ReadonlyMap<string, Uint8Array>, name: NatsName | JwsName): Uint8Array {
  const seed = seeds.get(name);
  if (seed === undefined) throw new Error(`cp_secret has no ${name}`);
  return seed;
}

function natsKeyOf(seeds: ReadonlyMap<string, Uint8Array>, name: NatsName): Nkey {
  return nkeyOf(NATS_ROLES[name], seedOf(seeds, name));
}

function verificationKeyOf(seed: Uint8Array): VerificationKey {
  const x = Buffer.from(publicBytesOf(privateKeyOf(seed))).toString("base64url");
  return { kid: x.slice(0, 16), x };
}

function pkcs8Of(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(privateKeyOf(seed).export({ format: "der", type: "pkcs8" }));
}
