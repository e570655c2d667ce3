/** How many reports one address may send: more than any scanner finds, and too few to keep the database busy. */
import { problem } from "@claviger/shared/api/problem";
import { and, eq, gt, lt } from "drizzle-orm";
import { signInFailure } from "../db/tables/sign-in-failure.ts";
import type { Ports } from "../ports.ts";
import { placeOf } from "../sessions/failures.ts";

const WINDOW_MS = 60_000;
const REPORTS_MAX = 60;
/** The rows are those of sign-ins too, which count for longer. */
const KEPT_MS = 15 * 60_000;

/** Counts a report, in all control-plane processes together; throws 429 past 60 in a minute, and keeps no row of that. */
export async function countReport(ports: Ports, peer: string): Promise<void> {
  const at = new Date(ports.clock.nowMs());
  const subject = `leaked|${placeOf(peer)}`;
  const since = new Date(at.getTime() - WINDOW_MS);
  const recent = and(eq(signInFailure.subject, subject), gt(signInFailure.at, since));
  if ((await ports.db.$count(signInFailure, recent)) >= REPORTS_MAX) {
    const detail = "Too many reports from this address. Wait a minute before you send more.";
    throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: WINDOW_MS / 1000 });
  }
  await ports.db.insert(signInFailure).values({ subject, at });
  await ports.db.delete(signInFailure).where(lt(signInFailure.at, new Date(at.getTime() - KEPT_MS)));
}
