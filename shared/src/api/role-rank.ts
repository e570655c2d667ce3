/** Which role includes which. Without a schema, so that whoever only asks loads none. */

export const roles = ["viewer", "member", "admin", "owner"] as const;
export type Role = (typeof roles)[number];

/** True when `held` includes everything that `needed` allows. */
export function includesRole(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed);
}
