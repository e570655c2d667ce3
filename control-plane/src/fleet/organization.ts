/** What a new organization needs before its first change can reach a gateway. */
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { orgHead } from "../db/tables/org-head.ts";
import type { Ports } from "../ports.ts";
import { createAccount } from "./accounts.ts";
import { createDataKey } from "./data-key.ts";
import type { Tx } from "./journal.ts";

/** Head of the journal, NATS account with its signing key, first data key; the account is pushed after the commit. */
export async function createFleetOf(tx: Tx, ports: Ports, orgId: string): Promise<void> {
  await tx.insert(orgHead).values({ orgId, epoch: 1, rev: 0, chain: GENESIS_CHAIN });
  await createAccount(tx, ports, orgId);
  await createDataKey(tx, ports, orgId);
}
