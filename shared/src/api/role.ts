/** What a member may do; each role includes the ones before it. */
import * as z from "zod";
import { includesRole, roles } from "./role-rank.ts";

export const Role = z.enum(roles);
export type Role = z.infer<typeof Role>;

/** The lower of the two. */
export function lowerRole(one: Role, other: Role): Role {
  return includesRole(one, other) ? other : one;
}

/** What a member may do through a credential that is limited to `cap`; null: not limited. */
export function cappedRole(held: Role, cap: Role | null): Role {
  return cap === null ? held : lowerRole(held, cap);
}
