import { invalidAttribute } from "@claviger/shared/api/problem";
import type { SignInPolicyEdit } from "@claviger/shared/api/sign-in";
import { eq } from "drizzle-orm";
import { signInPolicy } from "../db/tables/sign-in-policy.ts";
import { singleSignOn } from "../db/tables/single-sign-on.ts";
import { type Changed, commit, nextRevision, presentRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findPolicy, policyResource, type SignInPolicyResource } from "./find.ts";

/** The rules and their revision. */
export async function readPolicy(ports: Ports, { organizationId }: Caller) {
  const { policy, revision } = await findPolicy(ports.db, organizationId);
  return {
    resource: policyResource(organizationId, policy),
    revision: revision ?? (await presentRevision(ports.db, organizationId)),
  };
}

/** Shorter times hold for sessions that are open already; who may sign in how is asked at the next sign-in. */
export function editPolicy(
  ports: Ports,
  caller: Caller,
  input: SignInPolicyEdit,
  ifMatch?: string,
): Promise<Changed<SignInPolicyResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const { policy: before, revision: held } = await findPolicy(tx, orgId);
    const present = { resource: policyResource(orgId, before) };
    await requireUnchanged(ifMatch, held ?? (await presentRevision(tx, orgId)), async () => present);
    const policy = {
      sessionHoursMax: input.sessionHoursMax ?? before.sessionHoursMax,
      idleMinutesMax: input.idleMinutesMax === undefined ? before.idleMinutesMax : input.idleMinutesMax,
      ownSignIn: input.ownSignIn ?? before.ownSignIn,
    };
    if (
      policy.ownSignIn === "owners" &&
      (await tx.$count(singleSignOn, eq(singleSignOn.orgId, orgId))) === 0
    ) {
      throw invalidAttribute(
        "ownSignIn",
        "Set up single sign-on first; else nobody but owners could sign in.",
      );
    }
    const revision = await nextRevision(tx, orgId);
    const set = { ...policy, revision };
    await tx
      .insert(signInPolicy)
      .values({ orgId, ...set })
      .onConflictDoUpdate({ target: signInPolicy.orgId, set });
    return {
      resource: policyResource(orgId, policy),
      entry: { actor: caller.actor, action: "sign-in-policy.edit", effect: "neutral", changes: [], keys: [] },
    };
  });
}
