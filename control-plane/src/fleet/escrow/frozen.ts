/** After a restore nothing is issued until everybody has said what it holds (PROTOCOL §2.7). */
import { sql } from "drizzle-orm";
import type { Tx } from "../journal.ts";

/**
 * A condition on the organization `orgId`: commits may have been lost, and of a replica from before that not all slices
 * are known again. One that is away for good keeps it true until its gateway is detached.
 */
export function isFrozen(orgId: string) {
  return sql`exists (
    select 1 from org_epoch e join replica r on r.org_id = e.org_id
    where e.org_id = ${orgId} and e.loss <> 'none'
      and r.gone_at is null and r.escrow_epoch < e.epoch and r.enrolled_at < e.raised_at)`;
}

/** These replicas have named their slices, and none that is not known. */
export async function noteShown(
  tx: Tx,
  { orgId, epoch }: { readonly orgId: string; readonly epoch: number },
  replicas: readonly string[],
): Promise<void> {
  if (replicas.length === 0) return;
  await tx.execute(sql`
    update replica set escrow_epoch = ${epoch}
    where org_id = ${orgId} and escrow_epoch < ${epoch}
      and id in (select jsonb_array_elements_text(${JSON.stringify(replicas)}::jsonb))`);
}
