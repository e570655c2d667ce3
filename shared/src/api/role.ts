/** What a member may do; each role includes the ones before it. */
import * as z from "zod";

export const Role = z.enum(["viewer", "member", "admin", "owner"]);
export type Role = z.infer<typeof Role>;

const rank: Record<Role, number> = { viewer: 0, member: 1, admin: 2, owner: 3 };

/** True when `held` includes everything that `needed` allows. */
export function includesRole(held: Role, needed: Role): boolean {
  return rank[held] >= rank[needed];
}

/** The lower of the two. */
export function lowerRole(one: Role, other: Role): Role {
  return includesRole(one, other) ? other : one;
}

/** What a member may do through a credential that is limited to `cap`; null: not limited. */
export function cappedRole(held: Role, cap: Role | null): Role {
  return cap === null ? held : lowerRole(held, cap);
}
