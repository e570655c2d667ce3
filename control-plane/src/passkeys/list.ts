import { notFound } from "@claviger/shared/api/problem";
import type { Page } from "@claviger/shared/api/resource";
import { and, desc, eq } from "drizzle-orm";
import { passkey } from "../db/tables/passkey.ts";
import { type Changed, commit } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { type PasskeyResource, passkeyResource } from "./find.ts";

/** The caller's own, newest first. */
export async function listPasskeys(ports: Ports, caller: Caller): Promise<Page<PasskeyResource>> {
  const rows = await ports.db.select().from(passkey).where(own(caller)).orderBy(desc(passkey.createdAt));
  return { resources: rows.map(passkeyResource), next: null, total: rows.length };
}

/** One of the caller's own; who is signed in by it stays so. */
export function deletePasskey(ports: Ports, caller: Caller, id: string): Promise<Changed> {
  return commit(ports, caller, async (tx) => {
    const gone = await tx
      .delete(passkey)
      .where(and(own(caller), eq(passkey.id, id)))
      .returning({ id: passkey.id });
    if (gone.length === 0) throw notFound("passkey");
    return {
      resource: null,
      entry: { actor: caller.actor, action: "passkey.delete", effect: "neutral", changes: [], keys: [] },
    };
  });
}

function own({ organizationId, memberId }: Caller) {
  return and(eq(passkey.orgId, organizationId), eq(passkey.memberId, memberId));
}
