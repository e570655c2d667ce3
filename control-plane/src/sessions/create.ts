import { problem } from "@claviger/shared/api/problem";
import type { SessionCreate } from "@claviger/shared/api/session";
import { randomBase62 } from "@claviger/shared/key/base62";
import { and, asc, eq, isNull } from "drizzle-orm";
import { member } from "../db/tables/member.ts";
import { organization } from "../db/tables/organization.ts";
import type { Ports } from "../ports.ts";
import { maySignIn } from "../sign-in-policy/find.ts";
import { createDesk, type Desk } from "./desk.ts";
import { countAttempt } from "./failures.ts";
import { type Candidate, type Client, openSession, type SignedIn } from "./open.ts";

/**
 * Signs in with e-mail and password. Who is in several organizations gets the oldest one that the password opens,
 * unless one is named. An unknown address costs as much time as a wrong password, and gets the same answer.
 */
export async function createSession(ports: Ports, input: SessionCreate, client: Client): Promise<SignedIn> {
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
  const opened = await desk.take(client.peer, () => openedBy(ports, candidates, input.password));
  if (opened.length === 0) throw problem("invalid_credentials");
  await attempt.succeeded();
  // With the password of several, the oldest that lets this member in by one.
  for (const candidate of opened) {
    if (await maySignIn(ports.db, candidate.member)) return openSession(ports, candidate, client);
  }
  throw problem("single_sign_on_required");
}

async function openedBy(
  ports: Ports,
  candidates: readonly Candidate[],
  password: string,
): Promise<Candidate[]> {
  if (candidates.length === 0) await ports.passwords.verify(password, await nobodysHash(ports));
  const opened: Candidate[] = [];
  for (const candidate of candidates) {
    if (await ports.passwords.verify(password, candidate.member.passwordHash)) opened.push(candidate);
  }
  return opened;
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
