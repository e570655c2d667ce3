/** Who calls: a member by session or token. Every verb takes one, and acts in its organization only. */
import { problem } from "@claviger/shared/api/problem";
import { includesRole, type Role } from "@claviger/shared/api/role";
import type { Actor } from "@claviger/shared/wire/delta";

export interface Caller {
  readonly organizationId: string;
  readonly memberId: string;
  /** The member's role, or the token's cap where that is lower. */
  readonly role: Role;
  readonly actor: Actor;
  /** `ses_…` or `pat_…`. */
  readonly credentialId: string;
}

/** Throws `insufficient_role`, which names the role that is needed. */
export function requireRole(caller: Pick<Caller, "role">, needed: Role): void {
  if (includesRole(caller.role, needed)) return;
  throw problem("insufficient_role", `This needs the role ${needed}; you act as ${caller.role}.`);
}
