/** What one batch adds to the keys that it names. */
import { inputOf, outputOf } from "@claviger/shared/money/cost";
import { type Counted, isFirst } from "./figures.ts";

/** A row of `key_usage` to add. */
export interface KeySum {
  readonly key_id: string;
  requests: number;
  refused: number;
  /** Everything that was read, and everything that was written, whatever it cost. */
  input: number;
  output: number;
  /** Nano-dollars. */
  spent: bigint;
  unpriced: number;
  last_ms: number | null;
}

export function sumByKey(all: readonly Counted[]): ReadonlyMap<string, KeySum> {
  const sums = new Map<string, KeySum>();
  for (const { event, usage, cost } of all) {
    const sum = sums.get(event.keyId) ?? nothingOf(event.keyId);
    sums.set(event.keyId, sum);
    if (event.kind === "refused" || usage === null) {
      sum.refused += event.kind === "refused" ? event.n : 0;
      continue;
    }
    if (isFirst(event)) sum.requests += 1;
    sum.input += inputOf(usage);
    sum.output += outputOf(usage);
    if (cost === null) sum.unpriced += 1;
    else sum.spent += cost;
    sum.last_ms = Math.max(sum.last_ms ?? 0, event.startedAtMs);
  }
  return sums;
}

function nothingOf(keyId: string): KeySum {
  return {
    ...{ key_id: keyId, requests: 0, refused: 0, input: 0, output: 0 },
    ...{ spent: 0n, unpriced: 0, last_ms: null },
  };
}
