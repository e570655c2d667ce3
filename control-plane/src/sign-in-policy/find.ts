/** The rules by which members of an organization sign in; without any, those of `defaults`. */
import type { Resource } from "@claviger/shared/api/resource";
import type { Role } from "@claviger/shared/api/role";
import type { SignInPolicyView } from "@claviger/shared/api/sign-in";
import { eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { signInPolicy } from "../db/tables/sign-in-policy.ts";

export type SignInPolicyResource = Resource<SignInPolicyView>;

/** Seven days. */
const defaults: SignInPolicyView = { sessionHoursMax: 168, idleMinutesMax: null, ownSignIn: "everybody" };

export interface HeldPolicy {
  readonly policy: SignInPolicyView;
  /** Undefined while nobody has set any. */
  readonly revision: string | undefined;
}

export async function findPolicy(db: Queryable, orgId: string): Promise<HeldPolicy> {
  const [row] = await db.select().from(signInPolicy).where(eq(signInPolicy.orgId, orgId));
  if (row === undefined) return { policy: defaults, revision: undefined };
  const { sessionHoursMax, idleMinutesMax, ownSignIn, revision } = row;
  return { policy: { sessionHoursMax, idleMinutesMax, ownSignIn }, revision };
}

export function policyResource(orgId: string, policy: SignInPolicyView): SignInPolicyResource {
  return { type: "sign-in-policy", id: orgId, attributes: policy };
}

/** Whether the member may use a password or passkey; owners always may, so that somebody can while the provider is away. */
export async function maySignIn(db: Queryable, member: { orgId: string; role: Role }): Promise<boolean> {
  return member.role === "owner" || (await findPolicy(db, member.orgId)).policy.ownSignIn === "everybody";
}
