/** The one way to change what gateways know (PROTOCOL §2.1). */
import type { Database } from "../db/database.ts";
import type { Ports } from "../ports.ts";
import type { JournalEntry } from "./journal-types.ts";

/** The transaction that a verb writes its rows in. */
export type Tx = Parameters<Parameters<Database["transaction"]>[0]>[0];

/**
 * Runs `write` in one transaction that holds the organization's row lock, then journals its entry as the next
 * revision, commits and publishes. `entry: null` changes nothing for gateways and consumes no revision. `revision` is
 * `<epoch>.<revision>` after it. An organization may be created inside `write` (`createFleetOf`).
 */
export async function journaled<T>(
  _ports: Ports,
  _orgId: string,
  _write: (tx: Tx) => Promise<{ value: T; entry: JournalEntry | null }>,
): Promise<{ value: T; operationId: string | null; revision: string }> {
  throw new Error("the journal is being built");
}
