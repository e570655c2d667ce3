/** Setting up an organization's provider. Only owners do: whoever decides claims decides roles. */
import { ApiProblem, invalidAttribute, notFound, problem } from "@claviger/shared/api/problem";
import type { SingleSignOnEdit } from "@claviger/shared/api/sign-in";
import { eq } from "drizzle-orm";
import { memberIdentity } from "../db/tables/member-identity.ts";
import { singleSignOn, singleSignOnContext } from "../db/tables/single-sign-on.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { findPolicy } from "../sign-in-policy/find.ts";
import {
  findSingleSignOn,
  openProvider,
  redirectUriOf,
  type SingleSignOnResource,
  type SingleSignOnRow,
  singleSignOnResource,
} from "./find.ts";

const neutral = { effect: "neutral", changes: [], keys: [] } as const;

/** Throws `not_found` while there is none. */
export async function readSingleSignOn(ports: Ports, settings: Settings, { organizationId }: Caller) {
  const row = await findSingleSignOn(ports.db, organizationId);
  if (row === undefined) throw notFound("single sign-on");
  return { resource: singleSignOnResource(row, settings), revision: row.revision };
}

/** What is not named stays. The provider must answer before anything is kept: a wrong address would lock everybody out. */
export async function saveSingleSignOn(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  input: SingleSignOnEdit,
  ifMatch?: string,
): Promise<Changed<SingleSignOnResource>> {
  const orgId = caller.organizationId;
  const draft = await draftOf(ports, orgId, await findSingleSignOn(ports.db, orgId), input);
  await requireAnswering(ports, settings, draft);
  return commit(ports, caller, async (tx) => {
    const before = await findSingleSignOn(tx, orgId);
    if (before !== undefined) {
      const present = { resource: singleSignOnResource(before, settings) };
      await requireUnchanged(ifMatch, before.revision, async () => present);
    }
    const row = { ...(await draftOf(ports, orgId, before, input)), revision: await nextRevision(tx, orgId) };
    await tx.insert(singleSignOn).values(row).onConflictDoUpdate({ target: singleSignOn.orgId, set: row });
    const action = before === undefined ? "single-sign-on.create" : "single-sign-on.edit";
    return {
      resource: singleSignOnResource(row, settings),
      entry: { actor: caller.actor, action, ...neutral },
    };
  });
}

/** Members stay, and sign in by password or passkey; who they were at the provider is forgotten. */
export function deleteSingleSignOn(ports: Ports, caller: Caller): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    if ((await findPolicy(tx, orgId)).policy.ownSignIn === "owners") {
      throw problem(
        "state_conflict",
        "Only owners may sign in without it. Change the sign-in policy to everybody first.",
      );
    }
    const gone = await tx.delete(singleSignOn).where(eq(singleSignOn.orgId, orgId)).returning();
    if (gone.length === 0) throw notFound("single sign-on");
    await tx.delete(memberIdentity).where(eq(memberIdentity.orgId, orgId));
    return { resource: null, entry: { actor: caller.actor, action: "single-sign-on.delete", ...neutral } };
  });
}

async function draftOf(
  ports: Ports,
  orgId: string,
  before: SingleSignOnRow | undefined,
  input: SingleSignOnEdit,
): Promise<SingleSignOnRow> {
  const issuer = input.issuer ?? before?.issuer;
  const clientId = input.clientId ?? before?.clientId;
  if (issuer === undefined) throw missing("issuer");
  if (clientId === undefined) throw missing("clientId");
  // A secret is sealed for its issuer: whoever changes the one has to know the other.
  const another = before !== undefined && before.issuer !== issuer && before.wrappedSecret !== null;
  if (another && input.clientSecret === undefined) throw missing("clientSecret");
  return {
    orgId,
    issuer,
    clientId,
    wrappedSecret:
      input.clientSecret === undefined
        ? (before?.wrappedSecret ?? null)
        : await wrapSecret(ports, orgId, issuer, input.clientSecret),
    roleClaim: input.roleClaim === undefined ? (before?.roleClaim ?? null) : input.roleClaim,
    roleMapping: input.roleMapping ?? before?.roleMapping ?? {},
    defaultRole: input.defaultRole === undefined ? (before?.defaultRole ?? null) : input.defaultRole,
    trustEmail: input.trustEmail ?? before?.trustEmail ?? false,
    createdAt: before?.createdAt ?? new Date(ports.clock.nowMs()),
    revision: before?.revision ?? "",
  };
}

function wrapSecret(ports: Ports, orgId: string, issuer: string, secret: string | null) {
  if (secret === null) return null;
  return ports.vault.wrap(new TextEncoder().encode(secret), singleSignOnContext(orgId, issuer));
}

async function requireAnswering(ports: Ports, settings: Settings, draft: SingleSignOnRow): Promise<void> {
  const binding = {
    redirectUri: redirectUriOf(settings),
    state: "s",
    nonce: "n",
    codeVerifier: "v".repeat(43),
  };
  const found = await ports.identityProviders.authorize(await openProvider(ports, draft), binding);
  if (found instanceof URL) return;
  ports.log.info({ org: draft.orgId, words: found.words }, "an OpenID provider did not answer its discovery");
  throw invalidAttribute(
    "issuer",
    "No OpenID provider answers at this issuer's /.well-known/openid-configuration, or not as this issuer.",
  );
}

function missing(attribute: string): ApiProblem {
  const pointer = `/data/attributes/${attribute}`;
  return new ApiProblem([{ code: "missing_required_parameter", detail: `${attribute} is needed.`, pointer }]);
}
