/** What every verb on an existing key shares: find it, may I, write it, journal its whole record. */
import { effectOf } from "@claviger/shared/decide/restrictive";
import type { Actor } from "@claviger/shared/wire/delta";
import { and, eq } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Effect } from "../fleet/journal-types.ts";
import {
  type Changed,
  commit,
  joinEffects,
  nextRevision,
  operationAt,
  type Written,
} from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import { type Caller, requireRole } from "../sessions/caller.ts";
import { requireRecord } from "./check.ts";
import { findKey, readKeyResource } from "./find.ts";
import { type KeyKind, nouns } from "./kind.ts";
import { type KeyRow, keyRecord, putKey } from "./record.ts";
import type { KeyResource } from "./view.ts";

/** What a verb wants of a key. */
export interface KeyPlan {
  /** Columns that change; an empty object changes nothing. */
  readonly set: Partial<KeyRow>;
  /** `rotate` of `api-key.rotate` */
  readonly verb: string;
  /** Of what no record carries, such as the size of a budget; the record's own effect is computed. */
  readonly effect?: Effect;
  readonly reason?: string | undefined;
  readonly inflight?: "abort" | "drain";
  readonly secretKey?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** The verb finds the key as it already is: the answer is that of the change which brought it there. */
export const SAME = "same";

/** The verb has nothing to do, and no earlier change to point at. */
export const UNCHANGED = "unchanged";

export type Planned = KeyPlan | typeof SAME | typeof UNCHANGED;

/** The system itself, where it acts on an organization's keys without a member who asks. */
export interface SystemScope {
  readonly organizationId: string;
  readonly actor: Actor;
}

/** Runs a plan on a key or agent under the organization's lock. Members change their own, admins and the system all. */
export async function changeKey(
  ports: Ports,
  caller: Caller | SystemScope,
  id: string,
  plan: (row: KeyRow, nowMs: number, tx: Tx) => Planned | Promise<Planned>,
  kind: KeyKind = "key",
): Promise<Changed<KeyResource>> {
  const orgId = caller.organizationId;
  return commit(ports, caller, async (tx) => {
    const nowMs = ports.clock.nowMs();
    const before = await findKey(tx, orgId, id, kind);
    if ("memberId" in caller && before.ownerId !== caller.memberId) requireRole(caller, "admin");
    const planned = await plan(before, nowMs, tx);
    if (planned === SAME || planned === UNCHANGED) return nothingToDo(tx, before, nowMs, planned, kind);
    const revision = await nextRevision(tx, orgId);
    const after = afterOf(before, planned, revision);
    return write(tx, caller, { before, after, kind }, planned, nowMs);
  });
}

/** The row as a plan leaves it. */
export function afterOf(before: KeyRow, { set }: KeyPlan, revision: string): KeyRow {
  const moved = set.status !== undefined && set.status !== before.status;
  return { ...before, ...set, revision, statusRevision: moved ? revision : before.statusRevision };
}

async function write(
  tx: Tx,
  caller: Pick<SystemScope, "organizationId" | "actor">,
  { before, after, kind }: { before: KeyRow; after: KeyRow; kind: KeyKind },
  plan: KeyPlan,
  nowMs: number,
): Promise<Written<KeyResource>> {
  requireRecord(after);
  const orgId = caller.organizationId;
  await tx
    .update(apiKey)
    .set(after)
    .where(and(eq(apiKey.orgId, orgId), eq(apiKey.id, after.id)));
  const gone = after.status === "deleted";
  const resource = gone ? null : (await readKeyResource(tx, orgId, after.id, nowMs, kind)).resource;
  return {
    resource,
    entry: {
      actor: caller.actor,
      action: `${nouns[kind].type}.${plan.verb}`,
      effect: joinEffects(effectOf(keyRecord(before), keyRecord(after)), plan.effect ?? "neutral"),
      changes: [putKey(after)],
      keys: [after.id],
      ...(plan.reason === undefined ? {} : { reason: plan.reason }),
      ...(plan.inflight === undefined ? {} : { inflight: plan.inflight }),
    },
    ...(plan.secretKey === undefined ? {} : { secretKey: plan.secretKey }),
    ...(plan.meta === undefined ? {} : { meta: plan.meta }),
  };
}

async function nothingToDo(
  tx: Tx,
  row: KeyRow,
  nowMs: number,
  planned: typeof SAME | typeof UNCHANGED,
  kind: KeyKind,
): Promise<Written<KeyResource>> {
  const { resource, revision } = await readKeyResource(tx, row.orgId, row.id, nowMs, kind);
  if (planned === UNCHANGED) return { resource, entry: null, revision };
  const operationId = await operationAt(tx, row.orgId, row.statusRevision);
  const effect = row.status === "active" ? "giving" : "restrictive";
  return { resource, entry: null, revision, operationId, effect };
}
