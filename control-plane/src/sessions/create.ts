import { problem } from "@claviger/shared/api/problem";
import type { SessionCreate } from "@claviger/shared/api/session";
import { randomBase62 } from "@claviger/shared/key/base62";
import { hashSecret } from "@claviger/shared/key/secret";
import { and, asc, eq, isNull, lt } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import { session } from "../db/tables/session.ts";
import type { Ports } from "../ports.ts";
import { createDesk, type Desk } from "./desk.ts";
import { countAttempt } from "./failures.ts";
import { type SessionResource, sessionResource } from "./view.ts";

/** Seven days after sign-in a session ends, however much it is used. */
export const SESSION_MS = 7 * 24 * 3_600_000;

export interface SignedIn {
  readonly resource: SessionResource;
  /** The value of the cookie; kept nowhere. */
  readonly cookie: string;
}

/**
 * Signs in with e-mail and password. Who is in several organizations gets the oldest one that the password opens,
 * unless one is named. An unknown address costs as much time as a wrong password, and gets the same answer.
 */
export async function createSession(
  ports: Ports,
  input: SessionCreate,
  client: { peer: string; userAgent: string | null },
): Promise<SignedIn> {
  const email = input.email.trim().toLowerCase();
  const desk = deskOf(ports);
  desk.requireRoom(client.peer);
  const attempt = await countAttempt(ports, email, client.peer);
  const candidates = await ports.db
    .select({ member, organization })
    .from(member)
    .innerJoin(organization, eq(organization.id, member.orgId))
    .where(
      and(
        eq(member.email, email),
        isNull(member.deletedAt),
        isNull(member.disabledAt),
        eq(organization.enabled, true),
        input.organizationId === undefined ? undefined : eq(member.orgId, input.organizationId),
      ),
    )
    .orderBy(asc(member.createdAt), asc(member.id));
  const opened = await desk.take(client.peer, () => firstOpened(ports, candidates, input.password));
  if (opened === undefined) throw problem("invalid_credentials");
  await attempt.succeeded();
  return open(ports, opened, client);
}

async function firstOpened(
  ports: Ports,
  candidates: readonly Candidate[],
  password: string,
): Promise<Candidate | undefined> {
  if (candidates.length === 0) await ports.passwords.verify(password, await nobodysHash(ports));
  for (const candidate of candidates) {
    if (await ports.passwords.verify(password, candidate.member.passwordHash)) return candidate;
  }
  return undefined;
}

type Candidate = { member: typeof member.$inferSelect; organization: typeof organization.$inferSelect };

async function open(
  ports: Ports,
  candidate: Candidate,
  client: { peer: string; userAgent: string | null },
): Promise<SignedIn> {
  const nowMs = ports.clock.nowMs();
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
    expiresAt: new Date(nowMs + SESSION_MS),
  };
  const ended = and(eq(session.memberId, row.memberId), lt(session.expiresAt, row.createdAt));
  await ports.db.delete(session).where(ended);
  await ports.db.insert(session).values(row);
  return { cookie, resource: sessionResource({ session: row, ...candidate }, row.id) };
}

const hashes = new WeakMap<Ports["passwords"], Promise<string>>();

/** A hash that no password has, made once: what an unknown address is compared with. */
function nobodysHash(ports: Ports): Promise<string> {
  const made = hashes.get(ports.passwords) ?? ports.passwords.hash(randomBase62(ports.random, 43));
  hashes.set(ports.passwords, made);
  return made;
}

const desks = new WeakMap<Ports["passwords"], Desk>();

/** The one desk of the process that these ports belong to. */
function deskOf(ports: Ports): Desk {
  const desk = desks.get(ports.passwords) ?? createDesk();
  desks.set(ports.passwords, desk);
  return desk;
}
