/** `/metrics` in Prometheus' text format 0.0.4: base units, `_total` for counters (prometheus.io, "Metric and label naming"). */
import type { Histogram } from "../histogram.ts";
import type { Metrics, TokenBucket, UpstreamMetrics } from "../metrics.ts";
import type { ExportCounts } from "./exporter.ts";

export interface Gauges {
  readonly inflight: number;
  readonly epoch: number;
  readonly rev: number;
  readonly ageMs: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly ready: boolean;
  /** The state on disk was not whole when the process started. */
  readonly damaged: boolean;
  /** What only the runtime can tell. */
  readonly own?: RuntimeGauges | undefined;
  /** Absent while nothing is traced. */
  readonly spans?: ExportCounts | undefined;
}

export interface RuntimeGauges {
  /** Usage events that PostgreSQL is not known to have. */
  readonly outboxLag: number;
  /** Links of the audit chain. */
  readonly auditLinks: number;
  readonly heapUsedBytes: number;
  readonly residentBytes: number;
}

type Values = readonly (readonly [labels: string, value: number])[];

/** The whole page. */
export function renderMetrics(metrics: Metrics, gauges: Gauges): string {
  const page = new Page();
  requests(page, metrics, gauges);
  upstreams(page, [...metrics.upstreams]);
  books(page, metrics);
  following(page, metrics, gauges);
  if (gauges.own !== undefined) runtime(page, gauges.own);
  if (gauges.spans !== undefined) spans(page, gauges.spans);
  return page.text();
}

function requests(page: Page, metrics: Metrics, gauges: Gauges): void {
  page.counter("claviger_requests_admitted_total", "Requests forwarded to a provider.", metrics.admitted);
  page.counter(
    "claviger_requests_refused_total",
    "Requests refused before the forward, by code.",
    labelled("code", metrics.refusals),
  );
  page.counter(
    "claviger_requests_settled_total",
    "Forwarded requests that ended, by outcome.",
    labelled("outcome", metrics.settled),
  );
  page.gauge("claviger_requests_inflight", "Requests being forwarded now.", gauges.inflight);
}

function upstreams(page: Page, all: readonly [string, UpstreamMetrics][]): void {
  const each = (of: (upstream: UpstreamMetrics) => Iterable<[string, number]>, label: string): Values =>
    all.flatMap(([provider, upstream]) =>
      [...of(upstream)].map(([name, n]) => [labels({ provider, [label]: name }), n] as const),
    );
  page.histogram(
    "claviger_upstream_request_duration_seconds",
    "From an attempt's start to its end, by provider.",
    all.map(([provider, { durations }]) => [provider, durations]),
  );
  page.histogram(
    "claviger_upstream_time_to_first_token_seconds",
    "From an attempt's start to the first byte of the answer's body, by provider.",
    all.map(([provider, { firstBytes }]) => [provider, firstBytes]),
  );
  page.counter(
    "claviger_tokens_total",
    "Tokens by provider and type; types are disjoint.",
    each(({ tokens }) => BUCKETS.map(([bucket, name]) => [name, tokens[bucket]]), "type"),
  );
  page.counter(
    "claviger_upstream_errors_total",
    "Attempts that failed because of the provider, by code.",
    each(({ errors }) => errors, "code"),
  );
}

const BUCKETS: readonly (readonly [TokenBucket, string])[] = [
  ...([
    ["input", "input"],
    ["cacheRead", "cache_read"],
    ["cacheWrite", "cache_write"],
  ] as const),
  ...([
    ["output", "output"],
    ["reasoning", "reasoning"],
  ] as const),
];

function books(page: Page, metrics: Metrics): void {
  page.gauge(
    "claviger_open_records",
    "Open records whose request is not settled on disk yet.",
    metrics.openRecords,
  );
  page.counter(
    "claviger_journal_failures_total",
    "Open records that could not be written.",
    metrics.journalFailures,
  );
  page.counter(
    "claviger_requests_unrecorded_total",
    "Requests served without an open record.",
    metrics.unrecorded,
  );
  page.counter("claviger_log_failures_total", "Commits of the local log that failed.", metrics.logFailures);
  page.counter(
    "claviger_log_entries_dropped_total",
    "Entries that the local log never took.",
    metrics.logEntriesDropped,
  );
  page.counter(
    "claviger_usage_cursors_refused_total",
    "Usage cursors above every number given here.",
    metrics.usageCursorsRefused,
  );
}

function following(page: Page, metrics: Metrics, gauges: Gauges): void {
  page.gauge("claviger_revision_applied", "Revision that the table stands at.", [
    [labels({ epoch: String(gauges.epoch) }), gauges.rev],
  ]);
  page.gauge("claviger_freshness_age_seconds", "Age of the last freshness proof.", gauges.ageMs / 1000);
  page.gauge("claviger_ready", "1 when the gateway admits requests.", gauges.ready ? 1 : 0);
  page.gauge(
    "claviger_state_damaged",
    "1 when the state on disk was not whole at the last start.",
    gauges.damaged ? 1 : 0,
  );
  page.counter(
    "claviger_bus_messages_dropped_total",
    "Messages from the bus that changed nothing, by reason.",
    labelled("reason", sumsOf(metrics.dropped, Object.entries(gauges.dropped))),
  );
}

function runtime(page: Page, own: RuntimeGauges): void {
  page.gauge(
    "claviger_usage_outbox_events",
    "Usage events that PostgreSQL is not known to have.",
    own.outboxLag,
  );
  page.gauge("claviger_audit_links", "Length of the audit chain.", own.auditLinks);
  page.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", own.residentBytes);
  page.gauge("nodejs_heap_size_used_bytes", "Process heap size used in bytes.", own.heapUsedBytes);
}

function spans(page: Page, { exported, dropped }: ExportCounts): void {
  page.counter("claviger_spans_exported_total", "Spans that the collector took.", exported);
  page.counter(
    "claviger_spans_dropped_total",
    "Spans that no collector got, by reason.",
    labelled("reason", dropped),
  );
}

class Page {
  readonly #lines: string[] = [];

  counter(name: string, help: string, values: Values | number): void {
    this.#put(name, "counter", help, values);
  }

  gauge(name: string, help: string, values: Values | number): void {
    this.#put(name, "gauge", help, values);
  }

  histogram(name: string, help: string, all: readonly (readonly [provider: string, of: Histogram])[]): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
    for (const [provider, { bounds, counts, sumSeconds }] of all) {
      let below = 0;
      counts.forEach((n, at) => {
        below += n;
        const le = at < bounds.length ? String(bounds[at]) : "+Inf";
        this.#lines.push(`${name}_bucket${labels({ provider, le })} ${below}`);
      });
      this.#lines.push(`${name}_sum${labels({ provider })} ${formatNumber(sumSeconds)}`);
      this.#lines.push(`${name}_count${labels({ provider })} ${below}`);
    }
  }

  text(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  #put(name: string, type: "counter" | "gauge", help: string, values: Values | number): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    const all: Values = typeof values === "number" ? [["", values]] : values;
    for (const [text, value] of all) this.#lines.push(`${name}${text} ${formatNumber(value)}`);
  }
}

function labels(pairs: Readonly<Record<string, string>>): string {
  const each = Object.entries(pairs).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, "_")}"`);
  return `{${each.join(",")}}`;
}

function labelled(label: string, counts: Iterable<[string, number]>): Values {
  return [...counts].map(([value, n]) => [labels({ [label]: value }), n]);
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
