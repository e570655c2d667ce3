import { ApiProblem, invalidAttribute, problem } from "@claviger/shared/api/problem";
import type { PasskeyCreate } from "@claviger/shared/api/sign-in";
import { and, eq } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { passkey } from "../db/tables/passkey.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireSession } from "../sessions/caller.ts";
import { endCeremony } from "../sessions/ceremony.ts";
import type { Settings } from "../settings.ts";
import { type PasskeyResource, type PasskeyRow, passkeyResource } from "./find.ts";
import { originOf } from "./party.ts";

const PASSKEYS_MAX = 20;

/** Keeps what an authenticator has made for the caller's challenge. Only for somebody who is signed in by a browser. */
export async function createPasskey(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  input: PasskeyCreate,
  ceremony: string | undefined,
): Promise<Changed<PasskeyResource>> {
  requireSession(caller);
  const { challenge = "", memberId } = await endCeremony(ports, "passkey-create", ceremony);
  if (memberId !== caller.memberId) throw problem("sign_in_expired");
  const origin = originOf(settings);
  const made = await ports.webAuthn.registered(input.response, { origin, challenge });
  if (made === undefined) throw invalidAttribute("response", "The authenticator's answer does not hold.");
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const mine = and(eq(passkey.orgId, orgId), eq(passkey.memberId, memberId));
    if ((await tx.$count(passkey, mine)) >= PASSKEYS_MAX) {
      throw problem("state_conflict", `A member has ${PASSKEYS_MAX} passkeys at most. Delete one first.`);
    }
    const { credentialId, counter, synced } = made;
    const row: PasskeyRow = {
      ...{ id: newId(ports.random, "psk"), orgId, memberId, credentialId, counter, synced },
      publicKey: made.publicKey,
      transports: [...made.transports],
      name: input.name,
      createdAt: new Date(ports.clock.nowMs()),
      lastUsedAt: null,
    };
    const kept = await tx.insert(passkey).values(row).onConflictDoNothing().returning({ id: passkey.id });
    if (kept.length === 0)
      throw new ApiProblem([{ code: "name_conflict", detail: "This passkey is known already." }]);
    return {
      resource: passkeyResource(row),
      entry: { actor: caller.actor, action: "passkey.create", effect: "neutral", changes: [], keys: [] },
      revision: await nextRevision(tx, orgId),
    };
  });
}
