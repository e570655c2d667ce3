import type { ApiKeyEdit } from "@claviger/shared/api/api-key";
import { setBudget } from "../budgets/set-budget.ts";
import type { Tx } from "../fleet/journal.ts";
import type { Changed } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { changeKey, type Planned, UNCHANGED } from "./change.ts";
import { requireFuture, requireGateways, requireOwner } from "./check.ts";
import { readKeyResource } from "./find.ts";
import type { KeyKind } from "./kind.ts";
import type { KeyRow } from "./record.ts";
import type { KeyResource } from "./view.ts";

/** Changes everything but the secret. `ifMatch` is the revision that the caller has read. */
export function editKey(
  ports: Ports,
  caller: Caller,
  id: string,
  input: ApiKeyEdit,
  ifMatch?: string,
  kind: KeyKind = "key",
): Promise<Changed<KeyResource>> {
  const edit = planEdit(ports, caller, input);
  const plan = async (row: KeyRow, nowMs: number, tx: Tx): Promise<Planned> => {
    const present = () => readKeyResource(tx, caller.organizationId, id, nowMs, kind);
    await requireUnchanged(ifMatch, row.revision, present);
    return edit(row, nowMs, tx);
  };
  return changeKey(ports, caller, id, plan, kind);
}

/** What an edit wants of a key; throws at the attribute that cannot be had. */
export function planEdit(ports: Ports, caller: Caller, input: ApiKeyEdit) {
  return async (row: KeyRow, nowMs: number, tx: Tx): Promise<Planned> => {
    await check(tx, caller, row, input, nowMs);
    const budget = await setBudget(tx, ports, caller.organizationId, row.budgetId, input);
    const set = { ...columnsOf(input), budgetId: budget.budgetId };
    if (!budgetTouched(row, input) && sameColumns(row, set)) return UNCHANGED;
    return {
      set,
      effect: budget.effect,
      inflight: "drain",
      verb: verbOf(row, set, nowMs),
    };
  };
}

async function check(tx: Tx, caller: Caller, row: KeyRow, input: ApiKeyEdit, nowMs: number): Promise<void> {
  const attribute = input.expires_at === undefined ? "expiresAt" : "expires_at";
  const expiresAt = input.expiresAt ?? input.expires_at;
  // Repeating what a key already has is no edit, so an expired key can be renamed with all its attributes at hand.
  if (expiresAt?.getTime() !== row.expiresAt?.getTime()) requireFuture(expiresAt, attribute, nowMs);
  if (input.ownerId !== undefined && input.ownerId !== row.ownerId) {
    await requireOwner(tx, caller, input.ownerId);
  }
  if (input.gatewayIds && !same(input.gatewayIds, row.gatewayIds)) {
    await requireGateways(tx, caller.organizationId, input.gatewayIds);
  }
}

/** The columns that the input names, and no others. */
function columnsOf(input: ApiKeyEdit): Partial<KeyRow> {
  const {
    expires_at,
    expiresAt = expires_at,
    budgetUsd,
    budgetPeriod,
    budgetAlertThresholds,
    ...rest
  } = input;
  const all = { ...rest, expiresAt };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function budgetTouched(row: KeyRow, input: ApiKeyEdit): boolean {
  const { budgetUsd, budgetPeriod, budgetAlertThresholds } = input;
  if (budgetUsd !== undefined && budgetUsd !== null) return true;
  const asked = [budgetUsd, budgetPeriod, budgetAlertThresholds].some((value) => value !== undefined);
  return asked && row.budgetId !== null;
}

function sameColumns(row: KeyRow, set: Partial<KeyRow>): boolean {
  return (Object.keys(set) as (keyof KeyRow)[]).every((column) => same(row[column], set[column]));
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Giving an expired key new life has a name of its own in the audit. */
function verbOf(row: KeyRow, set: Partial<KeyRow>, nowMs: number): string {
  const expired = row.expiresAt !== null && row.expiresAt.getTime() <= nowMs;
  return expired && set.expiresAt !== undefined ? "re-arm" : "edit";
}
