/** What `/metrics` tells, as plain counters that cost an addition. */
export interface Metrics {
  admitted: number;
  /** By code. */
  readonly refusals: Map<string, number>;
  /** Settled requests by status class and by our own code (`ok` where there is none). */
  readonly settled: Map<string, number>;
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

export function createMetrics(): Metrics {
  return {
    admitted: 0,
    refusals: new Map(),
    settled: new Map(),
    unrecorded: 0,
    logFailures: 0,
    logEntriesDropped: 0,
    usageCursorsRefused: 0,
    dropped: new Map(),
  };
}

export function countUp(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

export interface Gauges {
  readonly inflight: number;
  readonly epoch: number;
  readonly rev: number;
  readonly ageMs: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly ready: boolean;
  /** The state on disk was not whole when the process started. */
  readonly damaged: boolean;
}

/** Prometheus text format 0.0.4. */
export function renderMetrics(metrics: Metrics, gauges: Gauges): string {
  const lines: string[] = [];
  const put = (
    name: string,
    type: "counter" | "gauge",
    help: string,
    values: readonly [string, number][],
  ) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of values) lines.push(`${name}${labels} ${formatNumber(value)}`);
  };
  const labelled = (label: string, counts: Iterable<[string, number]>): [string, number][] =>
    [...counts].map(([value, n]) => [`{${label}="${value.replace(/[\\"\n]/g, "_")}"}`, n]);
  put("claviger_requests_admitted_total", "counter", "Requests forwarded to a provider.", [
    ["", metrics.admitted],
  ]);
  put(
    "claviger_requests_refused_total",
    "counter",
    "Requests refused before the forward, by code.",
    labelled("code", metrics.refusals),
  );
  put(
    "claviger_requests_settled_total",
    "counter",
    "Forwarded requests that ended, by outcome.",
    labelled("outcome", metrics.settled),
  );
  put("claviger_requests_unrecorded_total", "counter", "Requests served without an open record.", [
    ["", metrics.unrecorded],
  ]);
  put("claviger_log_failures_total", "counter", "Commits of the local log that failed.", [
    ["", metrics.logFailures],
  ]);
  put("claviger_log_entries_dropped_total", "counter", "Entries that the local log never took.", [
    ["", metrics.logEntriesDropped],
  ]);
  put("claviger_usage_cursors_refused_total", "counter", "Usage cursors above every number given here.", [
    ["", metrics.usageCursorsRefused],
  ]);
  put("claviger_requests_inflight", "gauge", "Requests being forwarded now.", [["", gauges.inflight]]);
  put("claviger_revision_applied", "gauge", "Revision that the table stands at.", [
    [`{epoch="${gauges.epoch}"}`, gauges.rev],
  ]);
  put("claviger_freshness_age_seconds", "gauge", "Age of the last freshness proof.", [
    ["", gauges.ageMs / 1000],
  ]);
  put("claviger_ready", "gauge", "1 when the gateway admits requests.", [["", gauges.ready ? 1 : 0]]);
  put("claviger_state_damaged", "gauge", "1 when the state on disk was not whole at the last start.", [
    ["", gauges.damaged ? 1 : 0],
  ]);
  put(
    "claviger_bus_messages_dropped_total",
    "counter",
    "Messages from the bus that changed nothing, by reason.",
    labelled("reason", sumsOf(metrics.dropped, Object.entries(gauges.dropped))),
  );
  return `${lines.join("\n")}\n`;
}

function sumsOf(one: ReadonlyMap<string, number>, other: Iterable<[string, number]>): Map<string, number> {
  const sums = new Map(one);
  for (const [name, n] of other) sums.set(name, (sums.get(name) ?? 0) + n);
  return sums;
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return Number.isFinite(value) ? String(value) : "NaN";
}
