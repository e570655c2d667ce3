/** The one place where a session comes to be, however somebody has proved who they are. */
import { randomBase62 } from "@claviger/shared/key/base62";
import { hashSecret } from "@claviger/shared/key/secret";
import { and, eq, lt } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import type { member } from "../db/tables/member.ts";
import type { organization } from "../db/tables/organization.ts";
import { session } from "../db/tables/session.ts";
import type { Ports } from "../ports.ts";
import { findPolicy } from "../sign-in-policy/find.ts";
import { type SessionResource, sessionResource } from "./view.ts";

export interface SignedIn {
  readonly resource: SessionResource;
  /** The value of the cookie; kept nowhere. */
  readonly cookie: string;
  /** Seconds until the session ends at the latest. */
  readonly maxAgeSeconds: number;
}

/** Who signs in, as far as it is known of a browser. */
export interface Client {
  readonly peer: string;
  readonly userAgent: string | null;
}

export interface Candidate {
  readonly member: typeof member.$inferSelect;
  readonly organization: typeof organization.$inferSelect;
}

/** A session for as long as the organization's rules let it last, however much it is used. */
export async function openSession(ports: Ports, candidate: Candidate, client: Client): Promise<SignedIn> {
  const nowMs = ports.clock.nowMs();
  const { policy } = await findPolicy(ports.db, candidate.organization.id);
  const maxAgeSeconds = policy.sessionHoursMax * 3600;
  const cookie = randomBase62(ports.random, 43);
  const row = {
    id: newId(ports.random, "ses"),
    orgId: candidate.member.orgId,
    memberId: candidate.member.id,
    tokenHash: await hashSecret(cookie),
    userAgent: client.userAgent?.slice(0, 512) ?? null,
    peer: client.peer,
    createdAt: new Date(nowMs),
    lastUsedAt: new Date(nowMs),
    expiresAt: new Date(nowMs + maxAgeSeconds * 1000),
  };
  const ended = and(eq(session.memberId, row.memberId), lt(session.expiresAt, row.createdAt));
  await ports.db.delete(session).where(ended);
  await ports.db.insert(session).values(row);
  return { cookie, maxAgeSeconds, resource: sessionResource({ session: row, ...candidate }, row.id) };
}
