import { expect, test } from "vitest";
import { createMetrics } from "../metrics.ts";
import type { Admission, Ledger, Settlement } from "../rooms.ts";
import { observedLedger } from "./observed-ledger.ts";
import { renderMetrics } from "./prometheus.ts";

const GAUGES = {
  ...{ inflight: 2, epoch: 1, rev: 7, ageMs: 1500, dropped: {}, ready: true, damaged: false },
  own: { outboxLag: 4, auditLinks: 9, heapUsedBytes: 1000, residentBytes: 2000 },
};

/** The page after these attempts with the provider `openai`. */
function pageAfter(...ended: Partial<Settlement>[]): string {
  const metrics = createMetrics();
  const below = { settle() {}, open: async () => true, withdraw() {}, refused() {} } satisfies Ledger;
  const ledger = observedLedger(below, metrics);
  for (const each of ended) {
    ledger.settle({
      admission: { provider: { provider: "openai" } } as unknown as Admission,
      ...{ facts: {}, status: 200, code: null, firstByteMs: 15, totalMs: 300 },
      tokens: { input: 8, cacheRead: 4, cacheWrite: null, output: 3, reasoning: 2 },
      ...each,
    } as Settlement);
  }
  return renderMetrics(metrics, GAUGES);
}

test("latency and time to first token are histograms in seconds by provider, cumulative up to +Inf", () => {
  const page = pageAfter({}, { totalMs: 100_000, firstByteMs: null, code: "client_closed" });
  expect(page).toContain('claviger_upstream_request_duration_seconds_bucket{provider="openai",le="0.16"} 0');
  expect(page).toContain('claviger_upstream_request_duration_seconds_bucket{provider="openai",le="0.32"} 1');
  expect(page).toContain('claviger_upstream_request_duration_seconds_bucket{provider="openai",le="81.92"} 1');
  expect(page).toContain('claviger_upstream_request_duration_seconds_bucket{provider="openai",le="+Inf"} 2');
  expect(page).toContain('claviger_upstream_request_duration_seconds_sum{provider="openai"} 100.3');
  expect(page).toContain('claviger_upstream_time_to_first_token_seconds_count{provider="openai"} 1');
});

test("tokens are counted by type, errors only where the provider is the cause", () => {
  const page = pageAfter(
    {},
    { code: "provider_timeout" },
    { code: "client_closed" },
    { code: "key_revoked" },
  );
  expect(page).toContain('claviger_tokens_total{provider="openai",type="input"} 32');
  expect(page).toContain('claviger_tokens_total{provider="openai",type="reasoning"} 8');
  expect(page).toContain('claviger_tokens_total{provider="openai",type="cache_write"} 0');
  expect(page.match(/^claviger_upstream_errors_total.*$/gm)).toEqual([
    'claviger_upstream_errors_total{provider="openai",code="provider_timeout"} 1',
  ]);
});

test("every name is announced once with its type, counters end with _total, and every line is one that Prometheus reads", () => {
  const page = pageAfter({}, { code: "provider_error" });
  const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type]) => ({ name, type }));
  expect(new Set(types.map(({ name }) => name)).size).toBe(types.length);
  for (const { name, type } of types) {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
  }
  const names = types.map(({ name }) => name);
  for (const line of page.trimEnd().split("\n")) {
    if (line.startsWith("#")) continue;
    const match =
      /^([a-z0-9_]+)(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? (\d+(\.\d+)?|\+Inf|NaN)$/.exec(line);
    expect(match, line).not.toBeNull();
    expect(names).toContain((match?.[1] ?? "").replace(/_(bucket|sum|count)$/, ""));
  }
  for (const name of [
    "claviger_usage_outbox_events 4",
    "claviger_freshness_age_seconds 1.5",
    "claviger_open_records 0",
  ]) {
    expect(page).toContain(name);
  }
});
