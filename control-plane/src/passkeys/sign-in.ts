import { problem } from "@claviger/shared/api/problem";
import type { PasskeySignIn } from "@claviger/shared/api/sign-in";
import { and, eq, isNull } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import { passkey } from "../db/tables/passkey.ts";
import type { Ports } from "../ports.ts";
import { endCeremony } from "../sessions/ceremony.ts";
import { countAttempt } from "../sessions/failures.ts";
import { type Client, openSession, type SignedIn } from "../sessions/open.ts";
import type { Settings } from "../settings.ts";
import { maySignIn } from "../sign-in-policy/find.ts";
import { keyOf } from "./find.ts";
import { originOf } from "./party.ts";

/** Signs in who holds the passkey. One that is unknown and one that did not sign get the same answer. */
export async function signInByPasskey(
  ports: Ports,
  settings: Settings,
  { response }: PasskeySignIn,
  ceremony: string | undefined,
  client: Client,
): Promise<SignedIn> {
  const attempt = await countAttempt(ports, `passkey|${response.id}`, client.peer);
  const { challenge = "" } = await endCeremony(ports, "passkey-sign-in", ceremony);
  const [found] = await ports.db
    .select({ passkey, member, organization })
    .from(passkey)
    .innerJoin(member, eq(member.id, passkey.memberId))
    .innerJoin(organization, eq(organization.id, passkey.orgId))
    .where(
      and(
        eq(passkey.credentialId, response.id),
        isNull(member.deletedAt),
        isNull(member.disabledAt),
        eq(organization.enabled, true),
      ),
    );
  if (found === undefined) throw problem("invalid_passkey");
  const party = { origin: originOf(settings), challenge };
  const signed = await ports.webAuthn.signed(response, party, keyOf(found.passkey));
  if (signed === undefined) throw problem("invalid_passkey");
  if (!(await maySignIn(ports.db, found.member))) throw problem("single_sign_on_required");
  await ports.db
    .update(passkey)
    .set({ counter: signed.counter, lastUsedAt: new Date(ports.clock.nowMs()) })
    .where(eq(passkey.id, found.passkey.id));
  await attempt.succeeded();
  return openSession(ports, found, client);
}
