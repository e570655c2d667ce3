/**
 * What comes after a revision: deltas while they are kept (35 days, so that each gateway audits each change), else a
 * snapshot. Whoever has refused the next delta gets a snapshot too: the same delta again would be refused again.
 */
import { continuationOf } from "@claviger/shared/sync/intake";
import type { SyncAnswer, SyncRequest } from "@claviger/shared/wire/heartbeat";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import { chainsAt, readHead, signSteps, stepsAfter } from "./deltas.ts";
import type { Sender } from "./senders.ts";
import { snapshotFor } from "./snapshot.ts";

/** Answers one sync request of an organization's replica. */
export async function answerSync(
  ports: Ports,
  { orgId, replicaId }: Sender,
  request: SyncRequest,
): Promise<SyncAnswer> {
  const head = await readHead(ports.db, orgId);
  if (head === undefined) throw new Error("this organization has no journal");
  const held = { epoch: request.epoch, rev: request.from, chain: request.chain };
  const chains = await chainsAt(ports.db, orgId, [held]);
  const continuation = continuationOf(head, held, chains(held));
  if (continuation.kind === "current") return { deltas: [], more: false };
  if (continuation.kind === "deltas") {
    const { from, to } = continuation;
    if (await hasRefused(ports, orgId, replicaId, from + 1)) {
      return { snapshot: await snapshotFor(ports, orgId, head.epoch, Math.min(from + 1, to)) };
    }
    const { steps, more } = await stepsAfter(ports.db, orgId, held, head);
    // Nothing although something is wanted: the next delta is no longer kept.
    if (steps.length > 0) return { deltas: await signSteps(ports.sign, steps), more };
  }
  const atLeast = held.epoch === head.epoch ? Math.min(held.rev, head.rev) : 0;
  return { snapshot: await snapshotFor(ports, orgId, head.epoch, atLeast) };
}

/** By its last heartbeat. */
async function hasRefused(ports: Ports, orgId: string, replicaId: string, rev: number): Promise<boolean> {
  const rows = await ports.db.execute(sql`
    select 1 from replica where org_id = ${orgId} and id = ${replicaId} and (nack->>'rev')::bigint = ${rev}`);
  return rows.length > 0;
}
