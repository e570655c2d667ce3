/** What an authenticator is asked to sign: options of WebAuthn Level 3 §5.4 and §5.5, as JSON that browsers parse. */
import type { Resource } from "@claviger/shared/api/resource";
import type { PasskeyChallengeView } from "@claviger/shared/api/sign-in";
import { and, eq } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import { passkey } from "../db/tables/passkey.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireSession } from "../sessions/caller.ts";
import { beginCeremony, CEREMONY_SECONDS, type CeremonyKind } from "../sessions/ceremony.ts";
import type { Settings } from "../settings.ts";
import { originOf } from "./party.ts";

export interface Challenge {
  readonly resource: Resource<PasskeyChallengeView>;
  /** What the browser keeps until it answers. */
  readonly ceremony: string;
}

/** EdDSA, ES256, RS256 (IANA COSE Algorithms). */
const ALGORITHMS = [-8, -7, -257];

/** For a sign-in: whoever holds a passkey of this place says who they are by it. */
export function challengeSignIn(ports: Ports, settings: Settings): Promise<Challenge> {
  return challenge(ports, "passkey-sign-in", {}, { rpId: rpIdOf(settings), allowCredentials: [] });
}

/** For a new passkey of the caller, who is signed in by a browser; an authenticator that holds one already makes no second. */
export async function challengeCreate(ports: Ports, settings: Settings, caller: Caller): Promise<Challenge> {
  requireSession(caller);
  const { organizationId: orgId, memberId } = caller;
  const [me] = await ports.db
    .select()
    .from(member)
    .where(and(eq(member.orgId, orgId), eq(member.id, memberId)));
  const held = await ports.db
    .select({ id: passkey.credentialId, transports: passkey.transports })
    .from(passkey)
    .where(and(eq(passkey.orgId, orgId), eq(passkey.memberId, memberId)));
  const handle = Buffer.from(memberId).toString("base64url");
  return challenge(
    ports,
    "passkey-create",
    { memberId },
    {
      rp: { id: rpIdOf(settings), name: "Claviger" },
      user: { id: handle, name: me?.email ?? memberId, displayName: me?.name ?? memberId },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      attestation: "none",
      authenticatorSelection: {
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "required",
      },
      excludeCredentials: held.map((each) => ({ type: "public-key", ...each })),
    },
  );
}

async function challenge(
  ports: Ports,
  kind: CeremonyKind,
  expected: Readonly<Record<string, string>>,
  options: object,
): Promise<Challenge> {
  const text = Buffer.from(ports.random(32)).toString("base64url");
  const asked = {
    challenge: text,
    timeout: CEREMONY_SECONDS * 1000,
    userVerification: "required",
    ...options,
  };
  return {
    resource: { type: "passkey-challenge", id: kind, attributes: { options: asked } },
    ceremony: await beginCeremony(ports, kind, { ...expected, challenge: text }),
  };
}

function rpIdOf(settings: Settings): string {
  return new URL(originOf(settings)).hostname;
}
