/** From a credential to a caller. Only hashes are compared; a missing row and a wrong secret are the same. */
import { problem } from "@claviger/shared/api/problem";
import { cappedRole, type Role } from "@claviger/shared/api/role";
import { hashSecret, parseToken } from "@claviger/shared/key/secret";
import { and, eq, isNull } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import { personalAccessToken } from "../db/tables/personal-access-token.ts";
import { session } from "../db/tables/session.ts";
import { signInPolicy } from "../db/tables/sign-in-policy.ts";
import type { Ports } from "../ports.ts";
import type { SignedInCaller } from "./caller.ts";

/** How exact `lastUsedAt` is: a write per request would cost more than the sign-in itself. */
const LAST_USED_STEP_MS = 60_000;

/** Neither removed nor disabled. */
const isPresent = and(isNull(member.deletedAt), isNull(member.disabledAt));

/** The caller behind a personal access token; throws `invalid_token`, `token_expired` or `organization_disabled`. */
export async function callerByToken(ports: Ports, token: string): Promise<SignedInCaller> {
  const parsed = parseToken(token);
  if (parsed.kind !== "token" || parsed.token !== "personalAccess") throw problem("invalid_token");
  const hash = await hashSecret(token);
  const [row] = await ports.db
    .select({ token: personalAccessToken, member, enabled: organization.enabled })
    .from(personalAccessToken)
    .innerJoin(member, and(eq(member.id, personalAccessToken.memberId), isPresent))
    .innerJoin(organization, eq(organization.id, member.orgId))
    .where(eq(personalAccessToken.tokenHash, hash));
  if (row === undefined) throw problem("invalid_token");
  const nowMs = ports.clock.nowMs();
  if (row.token.expiresAt !== null && row.token.expiresAt.getTime() <= nowMs) throw problem("token_expired");
  if (!row.enabled) throw problem("organization_disabled");
  if (nowMs - (row.token.lastUsedAt?.getTime() ?? 0) > LAST_USED_STEP_MS) {
    await ports.db
      .update(personalAccessToken)
      .set({ lastUsedAt: new Date(nowMs) })
      .where(eq(personalAccessToken.id, row.token.id));
  }
  return callerOf(row.member, { kind: "token", ...row.token, cap: row.token.role });
}

/** The caller behind a session cookie; undefined when it has ended or never was. */
export async function callerBySession(ports: Ports, cookie: string): Promise<SignedInCaller | undefined> {
  const nowMs = ports.clock.nowMs();
  const [row] = await ports.db
    .select({ session, member, enabled: organization.enabled, policy: signInPolicy })
    .from(session)
    .innerJoin(member, and(eq(member.id, session.memberId), isPresent))
    .innerJoin(organization, eq(organization.id, member.orgId))
    .leftJoin(signInPolicy, eq(signInPolicy.orgId, member.orgId))
    .where(eq(session.tokenHash, await hashSecret(cookie)));
  if (row === undefined || endOf(row.session, row.policy) <= nowMs) return undefined;
  if (!row.enabled) throw problem("organization_disabled");
  if (nowMs - row.session.lastUsedAt.getTime() > LAST_USED_STEP_MS) {
    await ports.db
      .update(session)
      .set({ lastUsedAt: new Date(nowMs) })
      .where(eq(session.id, row.session.id));
  }
  return callerOf(row.member, { kind: "member", id: row.session.id, cap: null, expiresAt: null });
}

/** In milliseconds since the epoch: rules that were made shorter since the sign-in hold too. */
function endOf(
  { createdAt, lastUsedAt, expiresAt }: typeof session.$inferSelect,
  policy: typeof signInPolicy.$inferSelect | null,
): number {
  if (policy === null) return expiresAt.getTime();
  const idleMs = (policy.idleMinutesMax ?? Number.POSITIVE_INFINITY) * 60_000;
  return Math.min(
    expiresAt.getTime(),
    createdAt.getTime() + policy.sessionHoursMax * 3_600_000,
    lastUsedAt.getTime() + LAST_USED_STEP_MS + idleMs,
  );
}

interface Credential {
  readonly kind: "member" | "token";
  readonly id: string;
  readonly cap: Role | null;
  readonly expiresAt: Date | null;
}

function callerOf(
  row: typeof member.$inferSelect,
  { kind, id: credentialId, cap, expiresAt }: Credential,
): SignedInCaller {
  const role = cappedRole(row.role, cap);
  return {
    organizationId: row.orgId,
    memberId: row.id,
    role,
    cap,
    tokenExpiresAt: expiresAt,
    actor: { kind, id: kind === "token" ? credentialId : row.id, name: row.email },
    credentialId,
  };
}
