/**
 * Puts on disk what the core wants there, in its order and in batches: while one batch is on its way the next one
 * gathers. The bargain: a failure is retried until it succeeds, nothing is skipped, and nothing that failed is spoken
 * of, because the core is told `persisted` and nothing else.
 */
import type { ReplicaEffect } from "@claviger/shared/sync/replica-state";
import type { Log, StateStore } from "../ports.ts";
import type { Witness } from "./follower.ts";
import { encodeRecord, type StateRecord } from "./state-file.ts";

export type WriteEffect = Extract<ReplicaEffect, { type: "append" | "replace" }>;

/** What a snapshot's token is here: the signed bytes that make it. */
export interface SnapshotToken {
  jws: string;
  pages: Uint8Array[];
}

export interface WriterSizes {
  snapshotBytes: number;
  logBytes: number;
  logDeltas: number;
}

interface Sizes extends WriterSizes {
  replacements: number;
}

export interface Writer {
  push(effect: WriteEffect): void;
  /** Of what is on disk, and how often this process has replaced it. */
  readonly sizes: Readonly<Sizes>;
  readonly failures: number;
  /** Resolves when everything pushed so far is on disk, or given up by `stop`. */
  idle(): Promise<void>;
  stop(): void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;

export function createWriter(
  { store, log, witness }: { store: StateStore; log: Log; witness?: Pick<Witness, "auditN"> },
  persisted: (n: number) => void,
  initial: WriterSizes,
): Writer {
  const queue: WriteEffect[] = [];
  const sizes: Sizes = { ...initial, replacements: 0 };
  let failures = 0;
  let running: Promise<void> | undefined;
  let stopped = false;
  const run = async (): Promise<void> => {
    let retryMs = RETRY_MS_MIN;
    while (queue.length > 0 && !stopped) {
      const batch = takeBatch(queue);
      try {
        // Read now: what the audit log has by then is on disk before the stamp that names it.
        await write(store, batch, sizes, witness?.auditN() ?? 0);
        queue.splice(0, batch.length);
        retryMs = RETRY_MS_MIN;
        persisted(batch.at(-1)?.n ?? 0);
      } catch (error) {
        failures += 1;
        log.error({ err: error, retryMs }, "the state could not be written");
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
  };
  const start = () => {
    if (stopped || queue.length === 0) return;
    running ??= run().finally(() => {
      running = undefined;
      start();
    });
  };
  return {
    push(effect) {
      queue.push(effect);
      start();
    },
    sizes,
    get failures() {
      return failures;
    },
    async idle() {
      while (running !== undefined) await running;
    },
    stop() {
      stopped = true;
    },
  };
}

/** One replacement, or as many appends as are waiting. */
function takeBatch(queue: readonly WriteEffect[]): WriteEffect[] {
  if (queue[0]?.type === "replace") return queue.slice(0, 1);
  const end = queue.findIndex(({ type }) => type === "replace");
  return queue.slice(0, end === -1 ? queue.length : end);
}

async function write(
  store: StateStore,
  batch: readonly WriteEffect[],
  sizes: Sizes,
  auditN: number,
): Promise<void> {
  const [first] = batch;
  if (first?.type === "replace") {
    const { jws, pages } = first.token as SnapshotToken;
    const snapshot: StateRecord[] = [
      { kind: "snapshot", jws },
      ...pages.map((bytes) => ({ kind: "page", bytes }) as const),
    ];
    const rest: StateRecord[] = [
      ...first.deltas.map((delta) => ({ kind: "delta", jws: delta }) as const),
      { kind: "stamp", stamp: first.stamp, auditN },
    ];
    const records = snapshot.map(encodeRecord);
    const after = rest.map(encodeRecord);
    await store.replace([...records, ...after]);
    sizes.snapshotBytes = total(records);
    sizes.logBytes = total(after);
    sizes.logDeltas = first.deltas.length;
    sizes.replacements += 1;
    return;
  }
  const entries = batch.flatMap((effect) => (effect.type === "append" ? [effect.entry] : []));
  const records = entries.map((entry) => encodeRecord(entry.kind === "stamp" ? { ...entry, auditN } : entry));
  await store.append(records);
  sizes.logBytes += total(records);
  sizes.logDeltas += entries.filter(({ kind }) => kind === "delta").length;
}

function total(records: readonly Uint8Array[]): number {
  return records.reduce((sum, { length }) => sum + length, 0);
}
