/**
 * Limits on failed sign-ins, shared by all control-plane processes through the database. An attempt counts before the
 * password is looked at, so that many at once cannot slip through; a success takes its count back. The bargain: what
 * strangers do from elsewhere may slow a sign-in down, and never refuses the right password.
 */
import { problem } from "@claviger/shared/api/problem";
import { formatIp, parseIp } from "@claviger/shared/decide/ip";
import { hashSecret } from "@claviger/shared/key/secret";
import { and, eq, gt, inArray, lt } from "drizzle-orm";
import { signInFailure } from "../db/tables/sign-in-failure.ts";
import type { Ports } from "../ports.ts";

const WINDOW_MS = 15 * 60_000;

/** Refused: from one address for one account; from one address, which may stand for many people. */
const REFUSED_AFTER = { both: 10, peer: 1000 } as const;
/** Slowed down, each attempt by so much: for one account from everywhere, in milliseconds. */
const SLOW_AFTER = 100;
const SLOW_MS = 1_000;

export interface Attempt {
  /** To be called when the password was right. */
  succeeded(): Promise<void>;
}

/**
 * Counts an attempt; throws 429 when there were too many from this address in the last 15 minutes. Resolves a second
 * later when the account has seen very many from wherever.
 */
export async function countAttempt(ports: Ports, email: string, peer: string): Promise<Attempt> {
  const { db } = ports;
  const at = new Date(ports.clock.nowMs());
  const account = await hashSecret(email);
  const place = placeOf(peer);
  const subjects = { both: `both|${account}|${place}`, peer: `peer|${place}`, account: `account|${account}` };
  const since = new Date(at.getTime() - WINDOW_MS);
  await db.delete(signInFailure).where(lt(signInFailure.at, since));
  await db.insert(signInFailure).values(Object.values(subjects).map((subject) => ({ subject, at })));
  const countOf = (subject: string) =>
    db.$count(signInFailure, and(eq(signInFailure.subject, subject), gt(signInFailure.at, since)));
  for (const kind of ["both", "peer"] as const) {
    if ((await countOf(subjects[kind])) > REFUSED_AFTER[kind]) {
      const detail = "Too many failed sign-ins. Wait some minutes before you try again.";
      throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: WINDOW_MS / 1000 });
    }
  }
  if ((await countOf(subjects.account)) > SLOW_AFTER) {
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  }
  return {
    async succeeded() {
      await db.delete(signInFailure).where(inArray(signInFailure.subject, [subjects.both, subjects.account]));
      await db
        .delete(signInFailure)
        .where(and(eq(signInFailure.subject, subjects.peer), eq(signInFailure.at, at)));
    },
  };
}

/** An IPv6 client has a whole /64 to itself, so that is what counts as one address. */
export function placeOf(peer: string): string {
  const address = parseIp(peer);
  if (address === undefined) return peer;
  return formatIp(address.length === 4 ? [...address.slice(0, 2), 0, 0] : address);
}
