/** How far a change has come: the view behind `meta.operation` and `GET /operations/{id}`. */
import { nobodyReachableIsMissing } from "@claviger/shared/sync/barrier";
import type { OperationView } from "@claviger/shared/sync/operation";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import {
  type OperationRow,
  readStoredOperation,
  type StoredOperation,
  storedOperation,
  viewOperation,
} from "./barrier.ts";

/** Who waits is woken by notifications; this is the net below them, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Resolves when every reachable gateway has confirmed, after `waitMs`, or when `signal` aborts; throws on an id that
 * the organization does not have.
 */
export async function awaitOperation(
  ports: Ports,
  orgId: string,
  operationId: string,
  waitMs: number,
  signal?: AbortSignal,
): Promise<OperationView> {
  const untilMs = performance.now() + waitMs;
  const waker = wakerFor(ports, orgId, signal);
  let knock: "under way" | "over" | undefined = ports.fleet.knock === undefined ? "over" : undefined;
  const start = () => {
    void ports.fleet.knock?.(orgId).then(() => {
      knock = "over";
      waker.ring();
    });
    return "under way" as const;
  };
  try {
    const operation = await readStoredOperation(ports.db, orgId, operationId);
    if (operation === undefined) throw new Error("no such operation");
    for (;;) {
      const leftMs = untilMs - performance.now();
      const last = leftMs <= 0 || signal?.aborted === true;
      const view = await lookAt(ports, operation, last ? "exact" : "later");
      if (last || view.status === "confirmed") return view;
      if (nobodyReachableIsMissing(view)) {
        // One that answers a knock is reachable after all.
        if (knock === "over") return await lookAt(ports, operation, "exact");
        knock ??= start();
      }
      await waker.next(Math.min(leftMs, LOOK_AGAIN_MS));
    }
  } finally {
    waker.stop();
  }
}

/** The view now; undefined when the organization has no such operation. */
export async function readOperation(
  ports: Ports,
  orgId: string,
  operationId: string,
): Promise<OperationView | undefined> {
  const operation = await readStoredOperation(ports.db, orgId, operationId);
  return operation && lookAt(ports, operation, "exact");
}

/**
 * The view whenever it changes, the present one first, until the operation is confirmed or `signal` aborts. Yields
 * nothing for an id that the organization does not have.
 */
export async function* followOperation(
  ports: Ports,
  orgId: string,
  operationId: string,
  signal: AbortSignal,
): AsyncGenerator<OperationView> {
  const waker = wakerFor(ports, orgId, signal);
  try {
    const operation = await readStoredOperation(ports.db, orgId, operationId);
    if (operation === undefined) return;
    let shown = "";
    while (!signal.aborted) {
      const view = await lookAt(ports, operation, "exact");
      // When an unreachable gateway was last seen is no news.
      const text = JSON.stringify(view);
      if (text !== shown) yield view;
      if (view.status === "confirmed") return;
      shown = text;
      await waker.next(LOOK_AGAIN_MS);
    }
  } finally {
    waker.stop();
  }
}

/** Operations that one look takes up. */
const PAGE_ROWS = 200;

/** The last operation of a page: where the next page goes on. */
export interface SettledTo {
  readonly at: string;
  readonly id: string;
}

/**
 * Freezes operations that have been confirmed while nobody looked, so that their times stay exact: the newest open ones,
 * and the page of older ones after `from`. Returns where the next call goes on; undefined: at the newest again. A replica
 * that is away for long keeps many open, so no call looks at all of them.
 */
export async function settleOperations(ports: Ports, from?: SettledTo): Promise<SettledTo | undefined> {
  const newest = await readOpen(ports);
  const older = from === undefined ? [] : await readOpen(ports, from);
  const rows = new Map([...newest, ...older].map((row) => [row.id, row]));
  await Promise.all([...rows.values()].map((row) => lookAt(ports, storedOperation(row), "later")));
  const page = from === undefined ? newest : older;
  const last = page.at(-1);
  return last === undefined || page.length < PAGE_ROWS ? undefined : { at: last.at, id: last.id };
}

async function readOpen(ports: Ports, after?: SettledTo): Promise<(OperationRow & { at: string })[]> {
  const older = after && sql`and (committed_at, id) < (${after.at}::timestamptz, ${after.id})`;
  return ports.db.execute<OperationRow & { at: string }>(sql`
    select id, org_id, epoch, rev, kind, keys, result, committed_at::text as at,
      extract(epoch from committed_at)::float8 * 1000 as committed_ms
    from barrier_op where done_at is null ${older ?? sql``}
    order by committed_at desc, id desc limit ${PAGE_ROWS}`);
}

async function lookAt(
  ports: Ports,
  operation: StoredOperation,
  figures: "exact" | "later",
): Promise<OperationView> {
  if (operation.result !== null) return operation.result;
  const view = await viewOperation(ports.db, operation, figures);
  if (view.status === "confirmed") {
    // Not waited for: who asks before it is written computes the same from the same rows.
    freeze(ports, operation, view).catch((error: unknown) => {
      ports.log.warn({ err: error, operation: operation.id }, "a confirmed operation was not frozen");
    });
  }
  return view;
}

async function freeze(ports: Ports, operation: StoredOperation, view: OperationView): Promise<void> {
  await ports.db.execute(sql`
    update barrier_op set done_at = clock_timestamp(), result = ${JSON.stringify(view)}::jsonb
    where id = ${operation.id} and done_at is null`);
}

interface Waker {
  /** Resolves at the next notification, after `ms`, or at once when one has come since the last call. */
  next(ms: number): Promise<void>;
  ring(): void;
  stop(): void;
}

/** Listens from the moment it is made, so that nothing that happens between a look and a wait is missed. */
function wakerFor(ports: Ports, orgId: string, signal?: AbortSignal): Waker {
  let missed = false;
  let wake: (() => void) | undefined;
  const ring = () => {
    missed = true;
    wake?.();
  };
  const unlisten = ports.wake.on("operation", (payload) => {
    if (payload === orgId || payload === "") ring();
  });
  signal?.addEventListener("abort", ring);
  return {
    ring,
    async next(ms) {
      if (!missed) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      missed = false;
    },
    stop() {
      unlisten();
      signal?.removeEventListener("abort", ring);
    },
  };
}
