/**
 * Idempotency keys (I20). The bargain: a claim is taken before the work and its outcome is written in the work's own
 * transaction, so the effect happens once even when the process dies in between. Whoever takes over an abandoned claim
 * changes its `attempt`, and the first one's transaction then fails instead of committing a second effect.
 */
import { problem } from "@claviger/shared/api/problem";
import { and, eq, lt, sql } from "drizzle-orm";
import type { Database, Queryable } from "../db/database.ts";
import { newId } from "../db/new-id.ts";
import { idempotency, type StoredOutcome } from "../db/tables/idempotency.ts";
import type { Ports } from "../ports.ts";

const KEPT_MS = 24 * 3_600_000;
/**
 * How long a claim without an outcome keeps others out: the time a change takes to commit, not that of the wait for the
 * fleet afterwards. Who is slower than this is undone by whoever takes over, never doubled.
 */
const LEASE_MS = 10_000;

export type { StoredOutcome };

/** The right to run the request of this key now. */
export interface Claim {
  readonly scope: string;
  readonly key: string;
  readonly attempt: string;
}

export type Claimed =
  | { readonly kind: "run"; readonly claim: Claim }
  | { readonly kind: "replay"; readonly status: number; readonly body: object }
  /** It committed; its process still waits for the fleet, or has died. */
  | { readonly kind: "committed"; readonly outcome: StoredOutcome };

export interface ClaimRequest {
  readonly scope: string;
  readonly key: string;
  readonly requestHash: string;
}

/** Takes the claim, or tells what became of the first; throws when that has yet to commit or was another request. */
export async function claimKey(ports: Ports, request: ClaimRequest): Promise<Claimed> {
  const { db } = ports;
  const { scope, key, requestHash } = request;
  const attempt = newId(ports.random, "try");
  const nowMs = ports.clock.nowMs();
  const now = new Date(nowMs);
  const fresh = {
    requestHash,
    attempt,
    leaseUntil: new Date(nowMs + LEASE_MS),
    expiresAt: new Date(nowMs + KEPT_MS),
  };
  await db.delete(idempotency).where(lt(idempotency.expiresAt, now));
  const inserted = await db
    .insert(idempotency)
    .values({ scope, idemKey: key, ...fresh })
    .onConflictDoNothing()
    .returning({ attempt: idempotency.attempt });
  const claim = { scope, key, attempt };
  if (inserted.length === 1) return { kind: "run", claim };
  const [row] = await db
    .select()
    .from(idempotency)
    .where(and(eq(idempotency.scope, scope), eq(idempotency.idemKey, key)));
  // Released between the two statements: the other one failed, so the client may simply try again.
  if (row === undefined) throw problem("idempotency_in_progress");
  if (row.requestHash !== requestHash) throw problem("idempotency_mismatch");
  if (row.status !== null && row.body !== null) return { kind: "replay", status: row.status, body: row.body };
  if (row.outcome !== null) return { kind: "committed", outcome: row.outcome };
  if (row.leaseUntil > now) throw problem("idempotency_in_progress");
  const taken = await db
    .update(idempotency)
    .set(fresh)
    .where(and(whereClaim({ scope, key, attempt: row.attempt }), sql`${idempotency.outcome} is null`))
    .returning({ attempt: idempotency.attempt });
  if (taken.length === 0) throw problem("idempotency_in_progress");
  return { kind: "run", claim };
}

/** Part of the change's transaction; throws when somebody else has taken over, which undoes the change. */
export async function recordOutcome(tx: Queryable, claim: Claim, outcome: StoredOutcome): Promise<void> {
  const rows = await tx
    .update(idempotency)
    .set({ outcome })
    .where(whereClaim(claim))
    .returning({ scope: idempotency.scope });
  if (rows.length === 0) throw problem("idempotency_in_progress");
}

/** Keeps the answer; `body` must not hold a secret. */
export async function keepAnswer(
  db: Database,
  claim: Claim,
  answer: { status: number; body: object },
): Promise<void> {
  await db.update(idempotency).set(answer).where(whereClaim(claim));
}

/** After a failure. When nothing was committed, the key may be used again; else the next request gets the outcome. */
export async function releaseClaim(db: Database, claim: Claim): Promise<void> {
  await db.delete(idempotency).where(and(whereClaim(claim), sql`${idempotency.outcome} is null`));
}

function whereClaim(claim: Claim) {
  return and(
    eq(idempotency.scope, claim.scope),
    eq(idempotency.idemKey, claim.key),
    eq(idempotency.attempt, claim.attempt),
  );
}
