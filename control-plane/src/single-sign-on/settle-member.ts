/**
 * Whom a provider's claims mean, as a member. The bargain: `sub` of the issuer decides, an address only the first time and
 * only when the provider has verified it; a provider that decides roles decides them at each sign-in, and never takes the
 * last owner away.
 */

import { Email, isPlainText } from "@claviger/shared/api/attribute";
import type { Role } from "@claviger/shared/api/role";
import type { SingleSignOnFailure } from "@claviger/shared/api/sign-in";
import { randomBase62 } from "@claviger/shared/key/base62";
import { and, eq, isNull, ne } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { member } from "../db/tables/member.ts";
import { memberIdentity } from "../db/tables/member-identity.ts";
import { journaled, type Tx } from "../fleet/journal.ts";
import { nextRevision } from "../idempotency/commit.ts";
import type { MemberRow } from "../members/find.ts";
import type { Ports } from "../ports.ts";
import { decideRole, providerDecides } from "./decide-role.ts";
import type { SingleSignOnRow } from "./find.ts";

export type Settled = { readonly member: MemberRow } | { readonly failed: SingleSignOnFailure };
type Claims = Readonly<Record<string, unknown>>;

/** The member, made or changed as the rules say; what was done to it is in the audit. */
export async function settleMember(ports: Ports, rules: SingleSignOnRow, claims: Claims): Promise<Settled> {
  const role = decideRole(rules, claims);
  if (role === undefined) return { failed: "single_sign_on_no_role" };
  // Costs tens of milliseconds, so not below the organization's lock; nobody knows the password of who comes this way.
  const passwordHash = await ports.passwords.hash(randomBase62(ports.random, 43));
  const { value } = await journaled<Settled>(ports, rules.orgId, async (tx) => {
    const found = await findKnown(tx, rules, claims);
    if ("failed" in found) return { value: found, entry: null };
    if (found.member !== undefined) return keepUp(tx, rules, found.member, role);
    return add(tx, ports, rules, claims, { email: found.email, role, passwordHash });
  });
  return value;
}

type Found =
  | { readonly member: MemberRow }
  | { readonly member: undefined; readonly email: string }
  | { readonly failed: SingleSignOnFailure };

async function findKnown(tx: Tx, rules: SingleSignOnRow, claims: Claims): Promise<Found> {
  const { orgId, issuer } = rules;
  const subject = String(claims.sub);
  const identity = { orgId, issuer, subject };
  const [known] = await tx
    .select({ member })
    .from(memberIdentity)
    .innerJoin(member, eq(member.id, memberIdentity.memberId))
    .where(
      and(
        eq(memberIdentity.orgId, orgId),
        eq(memberIdentity.issuer, issuer),
        eq(memberIdentity.subject, subject),
        isNull(member.deletedAt),
      ),
    );
  if (known !== undefined) return admitted(known.member);
  // A provider that says "false" is believed, whatever is trusted.
  const isVerified = claims.email_verified === undefined ? rules.trustEmail : claims.email_verified === true;
  const email = isVerified ? Email.safeParse(claims.email) : undefined;
  if (!email?.success) return { failed: "single_sign_on_email_unverified" };
  const [same] = await tx
    .select()
    .from(member)
    .where(and(eq(member.orgId, orgId), eq(member.email, email.data), isNull(member.deletedAt)));
  if (same === undefined) return { member: undefined, email: email.data };
  // Of one issuer an address has one owner: whoever had it there before keeps the membership.
  const [taken] = await tx
    .select({ subject: memberIdentity.subject })
    .from(memberIdentity)
    .where(and(eq(memberIdentity.memberId, same.id), eq(memberIdentity.issuer, issuer)));
  if (taken !== undefined) return { failed: "single_sign_on_refused" };
  if (same.disabledAt === null) await tx.insert(memberIdentity).values({ ...identity, memberId: same.id });
  return admitted(same);
}

function admitted(row: MemberRow): Found {
  return row.disabledAt === null ? { member: row } : { failed: "single_sign_on_disabled" };
}

async function keepUp(tx: Tx, rules: SingleSignOnRow, before: MemberRow, role: Role) {
  const stays = !providerDecides(rules) || before.role === role;
  if (stays || (before.role === "owner" && (await isLastOwner(tx, before)))) {
    return { value: { member: before }, entry: null };
  }
  const row: MemberRow = { ...before, role, revision: await nextRevision(tx, before.orgId) };
  await tx.update(member).set(row).where(eq(member.id, row.id));
  return { value: { member: row }, entry: entryOf("member.edit") };
}

async function add(
  tx: Tx,
  ports: Ports,
  { orgId, issuer }: SingleSignOnRow,
  claims: Claims,
  { email, role, passwordHash }: { email: string; role: Role; passwordHash: string },
) {
  const row: MemberRow = {
    id: newId(ports.random, "mem"),
    orgId,
    email,
    name: nameOf(claims) ?? email.slice(0, 128),
    role,
    passwordHash,
    createdAt: new Date(ports.clock.nowMs()),
    revision: await nextRevision(tx, orgId),
    disabledAt: null,
    deletedAt: null,
  };
  await tx.insert(member).values(row);
  await tx.insert(memberIdentity).values({ orgId, issuer, subject: String(claims.sub), memberId: row.id });
  return { value: { member: row }, entry: entryOf("member.create") };
}

/** Nobody who acts here has a session yet: it is the provider that has said so. */
function entryOf(action: string) {
  const actor = { kind: "system", id: "single-sign-on", name: "Single sign-on" } as const;
  return { actor, action, effect: "neutral", changes: [], keys: [] } as const;
}

function nameOf({ name }: Claims): string | undefined {
  const text = typeof name === "string" && isPlainText(name) ? name.trim().slice(0, 128) : "";
  return text === "" ? undefined : text;
}

async function isLastOwner(tx: Tx, { orgId, id }: MemberRow): Promise<boolean> {
  const others = and(
    eq(member.orgId, orgId),
    eq(member.role, "owner"),
    isNull(member.deletedAt),
    isNull(member.disabledAt),
    ne(member.id, id),
  );
  return (await tx.$count(member, others)) === 0;
}
