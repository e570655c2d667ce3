/** Brings a database to the present schema; any number of processes may start at once. */
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { createRollUps, keepPartitions } from "./partitions.ts";

const MIGRATIONS = fileURLToPath(new URL("./migrations", import.meta.url));

/** Any constant: whoever holds it migrates. */
const LOCK = 7_305_116_219;

/** Runs what is missing under an advisory lock, on a connection of its own. */
export async function migrate(url: string): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await client`select pg_advisory_lock(${LOCK})`;
    const db = drizzle(client);
    await runMigrations(db, { migrationsFolder: MIGRATIONS });
    await createRollUps(db);
    await keepPartitions(db, Date.now());
  } finally {
    await client.end({ timeout: 5 });
  }
}
