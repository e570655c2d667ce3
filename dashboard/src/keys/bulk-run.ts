/** Runs one verb over many keys, in the steps that one change takes, and keeps what became of each. */
import { BULK_MAX, type BulkResult } from "@claviger/shared/api/api-key";
import type { OperationView } from "@claviger/shared/sync/operation";
import { useRef, useState } from "react";
import { ask, atOnce } from "../api/client.ts";
import type { KeyFilters } from "../api/queries.ts";

export type BulkVerb = "deactivate" | "activate" | "revoke" | "delete" | "edit";

/** Which keys: named ones, or all that match. */
export type Target =
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  | { readonly kind: "filter"; readonly filter: Partial<KeyFilters>; readonly count: number };

export interface Order {
  readonly action: BulkVerb;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface BulkState {
  readonly phase: "idle" | "running" | "over";
  readonly results: readonly BulkResult[];
  readonly all: number;
  /** Of the last step: a gateway that has confirmed it has confirmed every step before it. */
  readonly operation: OperationView | null;
  /** The latest moment by which each replica refuses, over all steps. */
  readonly refusesBy: ReadonlyMap<string, string>;
  readonly error: unknown;
}

const idle: BulkState = {
  phase: "idle",
  results: [],
  all: 0,
  operation: null,
  refusesBy: new Map(),
  error: null,
};

export function useBulk() {
  const [state, setState] = useState<BulkState>(idle);
  const present = useRef(state);
  const set = (change: Partial<BulkState>) => {
    present.current = { ...present.current, ...change };
    setState(present.current);
  };
  const run = async (target: Target, order: Order) => {
    const kept = present.current.results.filter(({ state: is }) => is !== "refused");
    const all = target.kind === "ids" ? target.ids.length + kept.length : target.count;
    set({ phase: "running", error: null, all, results: kept });
    try {
      for await (const { results, operation } of steps(target, order)) {
        set({
          results: [...present.current.results, ...results],
          operation: operation ?? present.current.operation,
          refusesBy: later(present.current.refusesBy, operation),
        });
      }
    } catch (error) {
      set({ error });
    }
    set({ phase: "over" });
  };
  return { state, run };
}

interface Step {
  readonly results: readonly BulkResult[];
  readonly operation: OperationView | null | undefined;
}

interface BulkMeta {
  readonly results?: readonly BulkResult[];
  readonly next?: string | null;
}

async function* steps(target: Target, order: Order): AsyncGenerator<Step> {
  const send = async (body: object) => {
    const { meta } = await ask("POST", "/api-keys/bulk", { body: { ...order, ...body }, headers: atOnce });
    const { results = [], next = null } = meta as BulkMeta;
    return { results, next, operation: meta.operation };
  };
  if (target.kind === "ids") {
    for (let at = 0; at < target.ids.length; at += BULK_MAX) {
      yield await send({ ids: target.ids.slice(at, at + BULK_MAX) });
    }
    return;
  }
  let after: string | null = null;
  do {
    const step = await send({ filter: target.filter, ...(after === null ? {} : { after }) });
    yield step;
    after = step.next;
  } while (after !== null);
}

function later(
  known: ReadonlyMap<string, string>,
  operation: OperationView | null | undefined,
): ReadonlyMap<string, string> {
  const next = new Map(known);
  for (const { replica, refusesBy } of operation?.gateways ?? []) {
    if (refusesBy !== undefined && refusesBy > (next.get(replica) ?? "")) next.set(replica, refusesBy);
  }
  return next;
}

/** The last step's view with the moments of all steps: what is said of it is then true of each. */
export function ofAllSteps(operation: OperationView, refusesBy: ReadonlyMap<string, string>): OperationView {
  const gateways = operation.gateways.map((one) => {
    const latest = refusesBy.get(one.replica);
    return one.state === "confirmed" || latest === undefined || latest <= (one.refusesBy ?? "")
      ? one
      : { ...one, refusesBy: latest, ...(one.state === "expired" ? { state: "unreachable" as const } : {}) };
  });
  const open = gateways.flatMap((one) => (one.state === "confirmed" ? [] : (one.refusesBy ?? [])));
  const safeBy = open.toSorted().at(-1);
  const pending = operation.status === "safe" && gateways.some(({ state }) => state === "unreachable");
  return {
    ...operation,
    gateways,
    ...(safeBy === undefined ? {} : { safeBy }),
    ...(pending ? { status: "pending" as const } : {}),
  };
}
