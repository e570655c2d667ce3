/** Who calls: a member by session or token. Every verb takes one, and acts in its organization only. */
import { problem } from "@claviger/shared/api/problem";
import type { Role } from "@claviger/shared/api/role";
import { includesRole } from "@claviger/shared/api/role-rank";
import type { Actor } from "@claviger/shared/wire/delta";
import type { Claim } from "../idempotency/claim.ts";

export interface Caller {
  readonly organizationId: string;
  readonly memberId: string;
  /** The member's role, or the token's cap where that is lower. */
  readonly role: Role;
  /** What the token is limited to, whatever role its member has; null without a limit. */
  readonly cap: Role | null;
  /** When the token ends; null for one without an end, and for a session. */
  readonly tokenExpiresAt: Date | null;
  /** What the route asks for; looked at again in the transaction of a change. */
  readonly needs: Role;
  readonly actor: Actor;
  /** `ses_…` or `pat_…`. */
  readonly credentialId: string;
  /** Set when the request came with an Idempotency-Key: its outcome is committed with the change. */
  readonly claim?: Claim | undefined;
}

/** A caller before any route has looked at the role. */
export type SignedInCaller = Omit<Caller, "needs" | "claim">;

/** Throws `insufficient_role`, which names the role that is needed. */
export function requireRole(caller: Pick<Caller, "role">, needed: Role): void {
  if (includesRole(caller.role, needed)) return;
  throw problem("insufficient_role", `This needs the role ${needed}; you act as ${caller.role}.`);
}

/** Throws `insufficient_role` for a token: what is made here would outlive it and know no limits of its role. */
export function requireSession({ actor }: Pick<Caller, "actor">): void {
  if (actor.kind !== "token") return;
  throw problem("insufficient_role", "A personal access token may not do this. Sign in with a browser.");
}
