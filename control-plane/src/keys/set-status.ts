/** Deactivate, activate, revoke: the verbs that move a key's status. */
import type { Interrupt } from "@claviger/shared/api/api-key";
import { problem } from "@claviger/shared/api/problem";
import type { KeyHash } from "@claviger/shared/wire/record";
import type { Tx } from "../fleet/journal.ts";
import type { Changed } from "../idempotency/commit.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { changeKey, type Planned, SAME, type SystemScope } from "./change.ts";
import { requireOwnerPresent } from "./check.ts";
import type { KeyKind } from "./kind.ts";
import type { KeyRow } from "./record.ts";
import type { KeyResource } from "./view.ts";

type Plan = (row: KeyRow, nowMs: number, tx: Tx) => Planned | Promise<Planned>;
export type StatusVerb = "deactivate" | "revoke" | "activate" | "delete";

/** What each verb wants of a key in its state; throws `state_conflict` where it cannot have it. */
export const statusPlans: Readonly<Record<StatusVerb, (input: Interrupt) => Plan>> = {
  deactivate: (input) => (row) => {
    if (row.status === "inactive") return SAME;
    if (row.status === "revoked") throw problem("state_conflict", "A revoked key cannot be deactivated.");
    return { set: { status: "inactive" }, verb: "deactivate", ...interruption(input) };
  },
  revoke: (input) => (row) => {
    if (row.status === "revoked") return SAME;
    const set = { status: "revoked" as const, hashes: endGraces(row.hashes) };
    return { set, verb: "revoke", ...interruption(input) };
  },
  activate: (input) => async (row, _nowMs, tx) => {
    if (row.status === "active") return SAME;
    await requireOwnerPresent(tx, row);
    const set = row.status === "revoked" ? nextGeneration(row) : {};
    return {
      set: { status: "active", ...set },
      verb: "activate",
      reason: input.reason,
      meta: { sameSecret: true },
    };
  },
  delete: (input) => (row) => {
    const set = { status: "deleted" as const, hashes: endGraces(row.hashes) };
    return { set, verb: "delete", ...interruption(input) };
  },
};

type StatusChange = (
  ports: Ports,
  caller: Caller | SystemScope,
  id: string,
  input: Interrupt,
  kind?: KeyKind,
) => Promise<Changed<KeyResource>>;

const verb =
  (name: StatusVerb): StatusChange =>
  (ports, caller, id, input, kind = "key") =>
    changeKey(ports, caller, id, statusPlans[name](input), kind);

/** Stops the key until it is activated. Twice is once; a revoked key is refused. */
export const deactivateKey = verb("deactivate");

/** Stops the key and ends a running grace. Twice is once: the same operation answers. */
export const revokeKey = verb("revoke");

/** An inactive key goes on as it was; a revoked one becomes the next generation of the same secret. */
export const activateKey = verb("activate");

/** A delete leaves a tombstone for ever; afterwards the key is not found. */
export const deleteKey = verb("delete");

/** Requests in flight are aborted unless they may end. */
function interruption(input: Interrupt) {
  return { reason: input.reason, inflight: input.inflight ?? ("abort" as const) };
}

/**
 * Ends every grace at once. The end is 0 and not now: a gateway whose clock is behind would else admit the old secret
 * for that long.
 */
export function endGraces(hashes: readonly KeyHash[]): KeyHash[] {
  return hashes.map((hash) => (hash.notAfterMs === null ? hash : { ...hash, notAfterMs: 0 }));
}

function nextGeneration(row: KeyRow): Partial<KeyRow> {
  const generation = row.generation + 1;
  const hashes = row.hashes.map((hash) => (hash.notAfterMs === null ? { ...hash, generation } : hash));
  return { generation, hashes };
}
