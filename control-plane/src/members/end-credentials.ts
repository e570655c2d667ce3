import { and, eq } from "drizzle-orm";
import { personalAccessToken } from "../db/tables/personal-access-token.ts";
import { session } from "../db/tables/session.ts";
import type { Tx } from "../fleet/journal.ts";
import type { MemberRow } from "./find.ts";

/** Nobody acts as this member any more: sessions and tokens are gone. */
export async function endCredentials(tx: Tx, row: MemberRow): Promise<void> {
  await tx.delete(session).where(and(eq(session.orgId, row.orgId), eq(session.memberId, row.id)));
  await tx
    .delete(personalAccessToken)
    .where(and(eq(personalAccessToken.orgId, row.orgId), eq(personalAccessToken.memberId, row.id)));
}
