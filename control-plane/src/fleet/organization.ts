/** What a new organization needs before its first change can reach a gateway. */
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";

/** Head of the journal, NATS account with its signing key, first data key; the account is pushed after the commit. */
export async function createFleetOf(_tx: Tx, _ports: Ports, _orgId: string): Promise<void> {
  throw new Error("fleets are being built");
}
