/** `claviger kek rotate`: wraps everything under another key-encryption key while no control plane runs. */
import { openDatabase } from "../../db/database.ts";
import { type Rewrapped, rewrap } from "../../fleet/rewrap.ts";
import { readKekConfig } from "./config.ts";
import { createVault } from "./vault.ts";

/** Throws `ConfigError`, `DatabaseInUse`, and an error that names what `CLAVIGER_KEK` does not open. */
export async function rotateKek(env: NodeJS.ProcessEnv): Promise<Rewrapped> {
  const { databaseUrl, kek, nextKek } = readKekConfig(env);
  const { db, close } = openDatabase(databaseUrl, 1);
  try {
    return await rewrap(db, await createVault(kek), await createVault(nextKek));
  } finally {
    await close();
  }
}
