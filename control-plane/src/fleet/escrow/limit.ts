/** A limit that an administrator has set, in the windows that are still spent from (PROTOCOL §2.8, "Lowering a limit"). */
import { limited } from "@claviger/shared/escrow/budget-row";
import { type Period, windowAfter, windowOf } from "@claviger/shared/money/period";
import { sql } from "drizzle-orm";
import type { Tx } from "../journal.ts";
import { ensureWindows, lockWindowsFrom, type NewWindow, writeWindows } from "./windows.ts";

/**
 * The window that now is in, and the next, get the limit; below what is out already nothing is issued, and each holder is
 * asked for all it has with its next heartbeat. The caller holds the organization's lock.
 */
export async function setLimit(
  tx: Tx,
  orgId: string,
  budget: { readonly id: string; readonly period: Period; readonly limit: bigint },
): Promise<void> {
  const { id, period, limit } = budget;
  const [clock] = await tx.execute<{ ms: number }>(
    sql`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`,
  );
  const window = windowOf(period, Math.floor(clock?.ms ?? 0));
  const next = windowAfter(period, window);
  const windows = [window, ...(next === null ? [] : [next])];
  // One that somebody makes at this moment, with the limit before, has to be seen: making it here waits for him.
  await ensureWindows(
    tx,
    orgId,
    windows.map((one): NewWindow => ({ budget: id, limit, ...one })),
  );
  const rows = await lockWindowsFrom(tx, orgId, { budget: id, startMs: window.startMs });
  await writeWindows(
    tx,
    rows.map((row) => limited(row, limit)),
  );
}
