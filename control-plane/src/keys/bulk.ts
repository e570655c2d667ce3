/**
 * Many keys by one verb, in one revision: one entry of the audit, one operation to wait for. What cannot be done to one of
 * them is said of that one and stops no other.
 */
import { type ApiKeyBulk, BULK_MAX, type BulkResult } from "@claviger/shared/api/api-key";
import { ApiProblem, notFound } from "@claviger/shared/api/problem";
import { effectOf } from "@claviger/shared/decide/restrictive";
import type { Change } from "@claviger/shared/wire/record";
import { and, eq, gt, inArray } from "drizzle-orm";
import { jsonBytes } from "../db/json-size.ts";
import { apiKey } from "../db/tables/api-key.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Effect } from "../fleet/journal-types.ts";
import { type Changed, commit, joinEffects, nextRevision } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { afterOf, type Planned, SAME, UNCHANGED } from "./change.ts";
import { requireRecord } from "./check.ts";
import { planEdit } from "./edit.ts";
import { visibleKeys } from "./find.ts";
import { keyFilters } from "./list.ts";
import { type KeyRow, keyRecord, putKey } from "./record.ts";
import { statusPlans } from "./set-status.ts";

/** What one delta takes (PROTOCOL §2.1), less what stands around the keys and less the largest key. */
const BYTES_MAX = 170_000;

type Plan = (row: KeyRow, nowMs: number, tx: Tx) => Planned | Promise<Planned>;

interface Done {
  readonly results: BulkResult[];
  readonly changes: Change[];
  effect: Effect;
}

/** Members change their own keys, admins all. `meta.next` is where a filter goes on; null when nothing is left. */
export async function changeKeys(ports: Ports, caller: Caller, input: ApiKeyBulk): Promise<Changed> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const nowMs = ports.clock.nowMs();
    const { rows, more } = await targets(tx, orgId, input, nowMs);
    const plan = planOf(ports, caller, input);
    const revision = await nextRevision(tx, orgId);
    const done: Done = { results: missing(input, rows), changes: [], effect: "neutral" };
    let bytes = 0;
    let last: KeyRow | undefined;
    for (const row of rows) {
      if (bytes > BYTES_MAX) break;
      const change = await changeOne(tx, caller, { row, plan, nowMs, revision }, done);
      if (change !== undefined) bytes += jsonBytes(change);
      last = row;
    }
    const next = input.filter !== undefined && (more || last !== rows.at(-1)) ? (last?.id ?? null) : null;
    if (input.ids !== undefined) refuseRest(rows, last, done);
    return {
      resource: null,
      meta: { results: done.results, next },
      entry:
        done.changes.length === 0
          ? null
          : {
              actor: caller.actor,
              action: `api-key.${input.action}`,
              effect: done.effect,
              changes: done.changes,
              keys: done.changes.map(({ id }) => id),
              ...(input.reason === undefined ? {} : { reason: input.reason }),
              inflight: input.action === "edit" ? "drain" : (input.inflight ?? "abort"),
            },
    };
  });
}

async function targets(tx: Tx, orgId: string, input: ApiKeyBulk, nowMs: number) {
  const { ids, filter, after } = input;
  const which =
    ids === undefined
      ? and(...keyFilters({ ...filter, size: 1, after: undefined }, undefined, nowMs))
      : inArray(apiKey.id, ids);
  const rows = await tx
    .select()
    .from(apiKey)
    .where(and(visibleKeys(orgId), which, after === undefined ? undefined : gt(apiKey.id, after)))
    .orderBy(apiKey.id)
    .limit(BULK_MAX + 1);
  return { rows: rows.slice(0, BULK_MAX), more: rows.length > BULK_MAX };
}

function planOf(ports: Ports, caller: Caller, input: ApiKeyBulk): Plan {
  const { action, attributes = {} } = input;
  if (action !== "edit") return statusPlans[action](input);
  const { metadata } = attributes;
  if (metadata === undefined) return planEdit(ports, caller, attributes);
  return (row, nowMs, tx) => {
    const all = { ...attributes, metadata: { ...(row.metadata as typeof metadata), ...metadata } };
    return planEdit(ports, caller, all)(row, nowMs, tx);
  };
}

interface One {
  readonly row: KeyRow;
  readonly plan: Plan;
  readonly nowMs: number;
  readonly revision: string;
}

/** In a savepoint: what is refused half way has done nothing. */
async function changeOne(tx: Tx, caller: Caller, one: One, done: Done): Promise<Change | undefined> {
  const { row, plan, nowMs, revision } = one;
  const said = { id: row.id, name: row.name };
  try {
    return await tx.transaction(async (inner) => {
      if (row.ownerId !== caller.memberId) requireRole(caller, "admin");
      const planned = await plan(row, nowMs, inner);
      if (planned === SAME || planned === UNCHANGED) {
        done.results.push({ ...said, state: "unchanged" });
        return undefined;
      }
      const after = afterOf(row, planned, revision);
      requireRecord(after);
      await inner
        .update(apiKey)
        .set(after)
        .where(and(eq(apiKey.orgId, row.orgId), eq(apiKey.id, row.id)));
      const effect = joinEffects(effectOf(keyRecord(row), keyRecord(after)), planned.effect ?? "neutral");
      const change = putKey(after);
      done.effect = joinEffects(done.effect, effect);
      done.changes.push(change);
      done.results.push({ ...said, state: "changed" });
      return change;
    });
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    done.results.push({ ...said, state: "refused", code: error.code, detail: error.message });
    return undefined;
  }
}

/** Of the ids that were asked for, those that are none of this organization's keys. */
function missing({ ids = [] }: ApiKeyBulk, rows: readonly KeyRow[]): BulkResult[] {
  const found = new Set(rows.map(({ id }) => id));
  const { code, message: detail } = notFound("API key");
  return ids.flatMap((id) => (found.has(id) ? [] : [{ id, name: null, state: "refused", code, detail }]));
}

function refuseRest(rows: readonly KeyRow[], last: KeyRow | undefined, done: Done): void {
  const detail = "The keys before this one fill a whole change. Send it again.";
  const from = last === undefined ? 0 : rows.indexOf(last) + 1;
  for (const { id, name } of rows.slice(from)) {
    done.results.push({ id, name, state: "refused", code: "state_conflict", detail });
  }
}
