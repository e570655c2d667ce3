/** What would be lost with PostgreSQL. */
import type { ReplicaRow } from "@claviger/shared/sync/intake";
import type { ChainedPosition } from "@claviger/shared/sync/position";
import type { DeltaEvent } from "@claviger/shared/sync/replica-state";
import type { Change } from "@claviger/shared/wire/record";
import { type Edit, ORG } from "./keys.ts";

export interface Database {
  head: ChainedPosition;
  records: Map<string, Change>;
  /** Of the present epoch. */
  deltas: DeltaEvent[];
  rows: Map<string, ReplicaRow>;
}

export function emptyRow(): ReplicaRow {
  return { epoch: 0, revApplied: 0, revEffective: 0, freshHiMs: null, lastSeenMs: null, boot: null };
}

export function byId(changes: readonly Change[]): Map<string, Change> {
  return new Map(changes.map((change) => [change.id, change]));
}

export function copyOf(db: Database): Database {
  return { head: db.head, records: new Map(db.records), deltas: [...db.deltas], rows: new Map(db.rows) };
}

/** The next delta of a history. Its name stands for its bytes and for its hash. */
export function deltaOf(
  id: number,
  head: ChainedPosition,
  change: Change,
  { effect, committedAtMs }: { effect: Edit["effect"]; committedAtMs: number },
): DeltaEvent {
  return {
    type: "delta",
    chainAfter: `chain-${id}`,
    jws: `delta-${id}`,
    delta: {
      v: 1,
      org: ORG,
      epoch: head.epoch,
      rev: head.rev + 1,
      prev: head.chain,
      atMs: Math.floor(committedAtMs),
      actor: { kind: "member", id: "mem_simulated000", name: "sim" },
      action: "api-key.edit",
      restrictive: effect === "restrictive",
      inflight: "drain",
      operation: null,
      changes: [change],
    },
  };
}
