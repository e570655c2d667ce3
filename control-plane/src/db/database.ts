/**
 * The door to PostgreSQL. drizzle takes over the JSON and date serialisers of the client it is given, so whoever needs
 * raw `sql.json` opens a client of its own.
 */
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";

export type Database = PostgresJsDatabase;

/** A transaction or the database itself: what a query needs. */
export type Queryable = Database | Parameters<Parameters<Database["transaction"]>[0]>[0];

export interface OpenDatabase {
  readonly db: Database;
  /** Waits for running queries, at most five seconds. */
  close(): Promise<void>;
}

/** Before an attempt to connect, in seconds. By default one call that finds the database away keeps the next waiting for up to 20. */
export function pauseBefore(attempt: number): number {
  return Math.min(0.05 * 2 ** attempt, 1);
}

/** Opens a pool of at most `connectionsMax` connections; every session runs in UTC. */
export function openDatabase(url: string, connectionsMax = 10): OpenDatabase {
  const client = postgres(url, {
    max: connectionsMax,
    onnotice: () => undefined,
    backoff: pauseBefore,
    connect_timeout: 5,
    connection: { TimeZone: "UTC", application_name: "claviger" },
  });
  return { db: drizzle(client), close: () => client.end({ timeout: 5 }) };
}
