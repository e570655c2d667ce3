/** Who calls: a member by session or token. Every verb takes one, and acts in its organization only. */
import { problem } from "@claviger/shared/api/problem";
import { includesRole, type Role } from "@claviger/shared/api/role";
import type { Actor } from "@claviger/shared/wire/delta";
import type { Claim } from "../idempotency/claim.ts";

export interface Caller {
  readonly organizationId: string;
  readonly memberId: string;
  /** The member's role, or the token's cap where that is lower. */
  readonly role: Role;
  /** True when a token's cap is below the member's role. */
  readonly capped: boolean;
  readonly actor: Actor;
  /** `ses_…` or `pat_…`. */
  readonly credentialId: string;
  /** Set when the request came with an Idempotency-Key: its outcome is committed with the change. */
  readonly claim?: Claim | undefined;
}

/** Throws `insufficient_role`, which names the role that is needed. */
export function requireRole(caller: Pick<Caller, "role">, needed: Role): void {
  if (includesRole(caller.role, needed)) return;
  throw problem("insufficient_role", `This needs the role ${needed}; you act as ${caller.role}.`);
}
