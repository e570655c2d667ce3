/** One row's work in a look that is many tenants': what fails for one of them fails for nobody else. */
import type { Tx } from "../fleet/journal.ts";
import type { Ports } from "../ports.ts";

/** Works in a savepoint. What fails is undone there and logged with what it is of, and the look goes on. */
export async function apart(
  tx: Tx,
  { log }: Pick<Ports, "log">,
  of: Readonly<Record<string, unknown>>,
  work: (tx: Tx) => Promise<unknown>,
): Promise<void> {
  try {
    await tx.transaction(work);
  } catch (error) {
    log.warn({ err: error, ...of }, "notifications: something could not be told");
  }
}
