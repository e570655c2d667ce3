/** From claims to a role: pure. */
import { Role } from "@claviger/shared/api/role";

export interface RoleRules {
  readonly roleClaim: string | null;
  readonly roleMapping: Readonly<Record<string, Role>>;
  readonly defaultRole: Role | null;
}

/** The highest role that a value of the claim is mapped to, else the default; undefined: not let in. */
export function decideRole(rules: RoleRules, claims: Readonly<Record<string, unknown>>): Role | undefined {
  const mapped = valuesOf(rules.roleClaim, claims).flatMap((value) => {
    // A claim's value is somebody else's text: only what was written down counts, not what objects inherit.
    return Object.hasOwn(rules.roleMapping, value) ? (rules.roleMapping[value] ?? []) : [];
  });
  return Role.options.findLast((role) => mapped.includes(role)) ?? rules.defaultRole ?? undefined;
}

/** Whether the provider decides the role at each sign-in; else it is given once and edited here. */
export function providerDecides({ roleClaim }: RoleRules): boolean {
  return roleClaim !== null;
}

function valuesOf(claim: string | null, claims: Readonly<Record<string, unknown>>): string[] {
  const value = claim === null || !Object.hasOwn(claims, claim) ? undefined : claims[claim];
  const values = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === "string");
}
