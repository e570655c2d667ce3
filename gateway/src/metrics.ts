/** What `/metrics` tells (`telemetry/prometheus.ts`), as plain counters that cost an addition. */
import { createHistogram, DURATION_BOUNDS, FIRST_TOKEN_BOUNDS, type Histogram } from "./histogram.ts";

export interface Metrics {
  admitted: number;
  /** By code. */
  readonly refusals: Map<string, number>;
  /** Settled requests by status class and by our own code (`ok` where there is none). */
  readonly settled: Map<string, number>;
  /** By provider. */
  readonly upstreams: Map<string, UpstreamMetrics>;
  /** Open records whose request is not settled on disk yet. */
  openRecords: number;
  /** Open records that could not be written. */
  journalFailures: number;
  /** Requests that were served although no open record could be written (`auditPolicy: continue`). */
  unrecorded: number;
  /** Entries that the local log could not take yet. */
  logFailures: number;
  /** Entries that were let go because the log did not take them for too long (`auditPolicy: continue`). */
  logEntriesDropped: number;
  /** Usage cursors above every number that was given here: forged, or the disk was set back. */
  usageCursorsRefused: number;
  /** Questions of the control plane that changed nothing, by reason; what following drops is counted there. */
  readonly dropped: Map<string, number>;
}

export type TokenBucket = "input" | "cacheRead" | "cacheWrite" | "output" | "reasoning";

/** Attempts with one provider. */
export interface UpstreamMetrics {
  /** From the attempt's start to its end, in seconds. */
  readonly durations: Histogram;
  /** To the first byte of the answer's body. */
  readonly firstBytes: Histogram;
  /** By bucket, disjoint. */
  readonly tokens: Record<TokenBucket, number>;
  /** Those that the provider is the cause of, by our code. */
  readonly errors: Map<string, number>;
}

export function createMetrics(): Metrics {
  return {
    admitted: 0,
    refusals: new Map(),
    settled: new Map(),
    upstreams: new Map(),
    openRecords: 0,
    journalFailures: 0,
    unrecorded: 0,
    logFailures: 0,
    logEntriesDropped: 0,
    usageCursorsRefused: 0,
    dropped: new Map(),
  };
}

export function countUp(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** The provider's own; made at its first attempt. */
export function upstreamOf({ upstreams }: Metrics, provider: string): UpstreamMetrics {
  const known = upstreams.get(provider);
  if (known !== undefined) return known;
  const made: UpstreamMetrics = {
    durations: createHistogram(DURATION_BOUNDS),
    firstBytes: createHistogram(FIRST_TOKEN_BOUNDS),
    tokens: { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 },
    errors: new Map(),
  };
  upstreams.set(provider, made);
  return made;
}
