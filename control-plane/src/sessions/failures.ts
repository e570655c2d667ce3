/**
 * Limits on failed sign-ins, shared by all control-plane processes through the database. An attempt counts before the
 * password is looked at, so that many at once cannot slip through; a success takes its count back.
 */
import { problem } from "@claviger/shared/api/problem";
import { hashSecret } from "@claviger/shared/key/secret";
import { and, eq, gt, inArray, lt } from "drizzle-orm";
import { signInFailure } from "../db/tables/sign-in-failure.ts";
import type { Ports } from "../ports.ts";

const WINDOW_MS = 15 * 60_000;

/** From one address for one account; from one address (a proxy may stand for many people); for one account from everywhere. */
const LIMITS = { both: 10, peer: 1000, account: 100 } as const;

export interface Attempt {
  /** To be called when the password was right. */
  succeeded(): Promise<void>;
}

/** Counts an attempt; throws 429 when there were too many in the last 15 minutes. */
export async function countAttempt(ports: Ports, email: string, peer: string): Promise<Attempt> {
  const { db } = ports;
  const at = new Date(ports.clock.nowMs());
  const account = await hashSecret(email);
  const subjects = { both: `both|${account}|${peer}`, peer: `peer|${peer}`, account: `account|${account}` };
  await db.delete(signInFailure).where(lt(signInFailure.at, new Date(at.getTime() - WINDOW_MS)));
  await db.insert(signInFailure).values(Object.values(subjects).map((subject) => ({ subject, at })));
  for (const kind of ["both", "peer", "account"] as const) {
    const since = new Date(at.getTime() - WINDOW_MS);
    const counted = await db.$count(
      signInFailure,
      and(eq(signInFailure.subject, subjects[kind]), gt(signInFailure.at, since)),
    );
    if (counted > LIMITS[kind]) {
      const detail = "Too many failed sign-ins. Wait some minutes before you try again.";
      throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: WINDOW_MS / 1000 });
    }
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
