/**
 * Nonces of the HTTPS courier's calls. The bargain: a call is taken once, whichever process it comes to and however often
 * processes start. They lie in PostgreSQL, written without waiting for its disk: what a crash or a promotion can lose is
 * the last instant's (three times `wal_writer_delay`, 0.6 s), and only in that case can a recorded call count twice.
 */
import { COURIER_CLOCK_MS_MAX } from "@claviger/shared/wire/courier-call";
import { sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";

/**
 * A call is acceptable for twice the clock's limit, counted from its earliest acceptable moment; as much again is for
 * processes whose clocks are not the database's. In milliseconds.
 */
const REMEMBERED_MS = 4 * COURIER_CLOCK_MS_MAX;

/** Resolves to true the first time that this key brings this nonce, and to false from then on. */
export type TakeNonce = (key: string, nonce: string) => Promise<boolean>;

/** The memory that all processes share. */
export function createNonces(db: Pick<Database, "execute">): TakeNonce {
  return async (key, nonce) => {
    const [row] = await db.execute<{ taken: boolean }>(sql`
      with taken as (
        insert into courier_nonce (nkey, nonce) values (${key}, ${nonce}) on conflict do nothing returning 1)
      select exists (select 1 from taken) as taken, set_config('synchronous_commit', 'off', true)`);
    return row?.taken === true;
  };
}

/** Forgets what no clock that is borne could bring again. */
export async function pruneNonces(db: Pick<Database, "execute">): Promise<void> {
  await db.execute(sql`
    delete from courier_nonce where at < now() - ${REMEMBERED_MS} * interval '1 millisecond'`);
}
