/** What would be lost with PostgreSQL. */
import type { ReplicaRow } from "@claviger/shared/sync/intake";
import type { ChainedPosition } from "@claviger/shared/sync/position";
import type { DeltaEvent, EpochEvent } from "@claviger/shared/sync/replica-state";
import type { Change } from "@claviger/shared/wire/record";
import { type Edit, ORG } from "./keys.ts";

export interface Database {
  head: ChainedPosition;
  records: Map<string, Change>;
  /** The history that is still kept, oldest first. */
  deltas: DeltaEvent[];
  /** The epochs after the first: what each of them continues. */
  epochs: EpochEvent[];
  rows: Map<string, ReplicaRow>;
}

export function emptyRow(): ReplicaRow {
  return { epoch: 0, revApplied: 0, revEffective: 0, freshHiMs: null, lastSeenMs: null, boot: null };
}

export function byId(changes: readonly Change[]): Map<string, Change> {
  return new Map(changes.map((change) => [change.id, change]));
}

export function copyOf(db: Database): Database {
  const { head, records, deltas, epochs, rows } = db;
  return { head, records: new Map(records), deltas: [...deltas], epochs: [...epochs], rows: new Map(rows) };
}

/** The next epoch, which goes on where the database stands. Its name stands for its bytes. */
export function epochOf({ epoch, rev, chain }: ChainedPosition): EpochEvent {
  const at = { epoch: epoch + 1, rev, chain };
  return { type: "epoch", org: ORG, continues: epoch, at, jws: `epoch-${at.epoch}-${rev}-${chain}` };
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

/** A message of the history. */
export type Step = DeltaEvent | EpochEvent;

/** Deltas after that position, each epoch's message before those of the epoch. */
export function stepsAfter({ deltas, epochs }: Database, epoch: number, rev: number): Step[] {
  const steps: Step[] = deltas.filter(({ delta }) => delta.rev > rev);
  for (const next of epochs.filter(({ at }) => at.epoch > epoch)) {
    const first = steps.findIndex((step) => step.type === "delta" && step.delta.epoch >= next.at.epoch);
    steps.splice(first === -1 ? steps.length : first, 0, next);
  }
  return steps;
}

/** The chain value there in this history; undefined when it is not known any more. */
export function chainAt({ head, deltas, epochs }: Database, epoch: number, rev: number): string | undefined {
  if (epoch === head.epoch && rev === head.rev) return head.chain;
  const continued = epochs.find(({ continues, at }) => continues === epoch && at.rev === rev);
  if (continued !== undefined) return continued.at.chain;
  return deltas.find(({ delta }) => delta.epoch === epoch && delta.rev === rev + 1)?.delta.prev;
}
