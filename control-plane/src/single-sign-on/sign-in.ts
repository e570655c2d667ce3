/** A browser's way to the provider and back. Whatever goes wrong brings it to the sign-in page with a code. */
import { ApiProblem } from "@claviger/shared/api/problem";
import type { SingleSignOnFailure } from "@claviger/shared/api/sign-in";
import { randomBase62 } from "@claviger/shared/key/base62";
import { eq } from "drizzle-orm";
import { organization } from "../db/tables/organization.ts";
import type { Ports, SignInBinding } from "../ports.ts";
import { beginCeremony, type Expected, endCeremony } from "../sessions/ceremony.ts";
import { type Client, openSession, type SignedIn } from "../sessions/open.ts";
import type { Settings } from "../settings.ts";
import { findSingleSignOn, openProvider, redirectUriOf } from "./find.ts";
import { settleMember } from "./settle-member.ts";

export type Begun = { readonly location: URL; readonly ceremony: string } | Failed;
export type Failed = { readonly failed: SingleSignOnFailure };

const failed = (code: SingleSignOnFailure): Failed => ({ failed: code });

/** Where the browser signs in, and what it keeps until it is back. */
export async function beginSingleSignOn(ports: Ports, settings: Settings, orgId: string): Promise<Begun> {
  const row = await findSingleSignOn(ports.db, orgId);
  // What is not set up and what is unknown are the same to a stranger.
  if (row === undefined) return failed("single_sign_on_not_set_up");
  const secret = () => randomBase62(ports.random, 43);
  const expected = { orgId, state: secret(), nonce: secret(), codeVerifier: secret() };
  const binding = bindingOf(expected, settings);
  const location = await ports.identityProviders.authorize(await openProvider(ports, row), binding);
  if (location instanceof URL) {
    return { location, ceremony: await beginCeremony(ports, "single-sign-on", expected) };
  }
  ports.log.warn({ org: orgId, words: location.words }, "an OpenID provider does not answer");
  return failed("single_sign_on_unavailable");
}

/** The session of whom the provider has sent back. */
export async function endSingleSignOn(
  ports: Ports,
  settings: Settings,
  ceremony: string | undefined,
  returned: URL,
  client: Client,
): Promise<SignedIn | Failed> {
  const expected = await expectedOf(ports, ceremony);
  if (expected === undefined) return failed("single_sign_on_expired");
  const { orgId = "" } = expected;
  const [row] = await ports.db.select().from(organization).where(eq(organization.id, orgId));
  const rules = await findSingleSignOn(ports.db, orgId);
  if (row === undefined || rules === undefined) return failed("single_sign_on_not_set_up");
  if (!row.enabled) return failed("single_sign_on_disabled");
  const provider = await openProvider(ports, rules);
  const told = await ports.identityProviders.exchange(provider, bindingOf(expected, settings), returned);
  if ("failed" in told) {
    ports.log.warn({ org: orgId, words: told.words }, "a sign-in by an OpenID provider did not hold");
    return failed(told.failed === "refused" ? "single_sign_on_refused" : "single_sign_on_unavailable");
  }
  const settled = await settleMember(ports, rules, told.claims);
  if ("failed" in settled) return settled;
  return openSession(ports, { member: settled.member, organization: row }, client);
}

async function expectedOf(ports: Ports, ceremony: string | undefined): Promise<Expected | undefined> {
  try {
    return await endCeremony(ports, "single-sign-on", ceremony);
  } catch (error) {
    if (error instanceof ApiProblem) return undefined;
    throw error;
  }
}

function bindingOf(expected: Expected, settings: Settings): SignInBinding {
  const { state = "", nonce = "", codeVerifier = "" } = expected;
  return { redirectUri: redirectUriOf(settings), state, nonce, codeVerifier };
}
