/** The audit chain of a replica's folder, checked from outside; the gateway may run meanwhile. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { chainRoot } from "../../logs/chain.ts";
import { type Walk, walkChain } from "../../logs/store/verify.ts";
import { createIdentityFile } from "./identity.ts";
import { link, nodeSql } from "./log-store-sql.ts";

/** Slots of a gateway's home that have a log. */
export async function slotsWithLog(home: string): Promise<string[]> {
  if (!existsSync(home)) return [];
  const names = await readdir(home);
  return names.filter((name) => existsSync(join(home, name, "log.sqlite"))).sort();
}

/** Whose folder it is, by the identity that is sealed in it; undefined where there is none. Throws on another master key. */
export async function replicaIn(
  home: string,
  slot: string,
  masterKey: Uint8Array,
): Promise<string | undefined> {
  return (await createIdentityFile(join(home, slot), masterKey, slot).read())?.enrolled?.replicaId;
}

/** Walks the chain of that slot as that replica's. Changes nothing. */
export async function verifyLog(
  home: string,
  slot: string,
  replicaId: string,
  wanted: readonly number[] = [],
): Promise<Walk> {
  const db = new DatabaseSync(join(home, slot, "log.sqlite"), { readOnly: true, timeout: 5000 });
  try {
    return walkChain(nodeSql(db), link, await chainRoot(replicaId), wanted);
  } finally {
    db.close();
  }
}
