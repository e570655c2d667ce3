import { expect, test, vi } from "vitest";
import { EXPORT_DEFAULTS, Exporter, type ExportSettings, type Post } from "./exporter.ts";
import { SPAN_KINDS, type Span } from "./otlp.ts";

const SETTINGS: ExportSettings = {
  ...EXPORT_DEFAULTS,
  ...{ url: "http://collector/v1/traces", headers: { "x-team": "blue" }, resource: {}, scopeVersion: "1" },
};

const span: Span = {
  ...{ traceId: "a".repeat(32), spanId: "b".repeat(16), parentSpanId: undefined, name: "chat echo" },
  ...{ kind: SPAN_KINDS.client, startMs: 1_700_000_000_000.25, endMs: 1_700_000_000_001 },
  attributes: { text: "é", whole: 3, part: 0.5, yes: true, none: undefined },
  error: "provider_error",
};

/** An exporter whose collector answers as `answers` say, in order; then nothing ever. */
function rig(answers: (Awaited<ReturnType<Post>> | "gone")[], settings: Partial<ExportSettings> = {}) {
  const bodies: { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] }[] = [];
  const exporter = new Exporter({ ...SETTINGS, delayMs: 1, ...settings }, (_url, _headers, body) => {
    bodies.push(JSON.parse(body));
    const answer = answers.shift();
    if (answer === undefined) return new Promise(() => undefined);
    return answer === "gone" ? Promise.reject(new Error("refused")) : Promise.resolve(answer);
  });
  return { exporter, bodies, counts: exporter.counts };
}

const TAKEN = { status: 200, body: "{}" };

test("a span is encoded as OTLP has it: nanoseconds and whole numbers as text, absent attributes left out", async () => {
  const { exporter, bodies } = rig([TAKEN]);
  exporter.add(span);
  await exporter.close();
  expect(bodies[0]?.resourceSpans[0]?.scopeSpans[0]?.spans[0]).toEqual({
    ...{ traceId: span.traceId, spanId: span.spanId, name: "chat echo", kind: 3 },
    ...{ startTimeUnixNano: "1700000000000250000", endTimeUnixNano: "1700000000001000000" },
    attributes: [
      { key: "text", value: { stringValue: "é" } },
      { key: "whole", value: { intValue: "3" } },
      { key: "part", value: { doubleValue: 0.5 } },
      { key: "yes", value: { boolValue: true } },
    ],
    status: { code: 2, message: "provider_error" },
  });
});

test("a collector that never answers holds nobody up: spans beyond the bound are dropped and counted", () => {
  const { exporter, counts, bodies } = rig([], { waitingMax: 10, batchMax: 5 });
  for (let n = 0; n < 100; n++) exporter.add(span);
  // Five are on their way, ten wait.
  expect(bodies).toHaveLength(1);
  expect([...counts.dropped]).toEqual([["queue_full", 85]]);
});

test("what a collector cannot take now is sent again, what it refuses is not; both are counted", async () => {
  vi.useFakeTimers();
  try {
    const later = rig([{ status: 503, body: "" }, "gone", { status: 200, body: "" }]);
    later.exporter.add(span);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([later.bodies.length, later.counts.exported]).toEqual([3, 1]);
    const refused = rig([{ status: 400, body: "" }, TAKEN]);
    refused.exporter.add(span);
    await vi.advanceTimersByTimeAsync(10_000);
    refused.exporter.add(span);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([refused.counts.exported, [...refused.counts.dropped]]).toEqual([1, [["rejected", 1]]]);
    const away = rig(Array(20).fill("gone"));
    away.exporter.add(span);
    await vi.advanceTimersByTimeAsync(120_000);
    expect([away.bodies.length, [...away.counts.dropped]]).toEqual([5, [["unreachable", 1]]]);
  } finally {
    vi.useRealTimers();
  }
});

test("of a batch that was taken in part the rest counts as dropped", async () => {
  const body = JSON.stringify({ partialSuccess: { rejectedSpans: "2", errorMessage: "too old" } });
  const { exporter, counts } = rig([{ status: 200, body }]);
  for (let n = 0; n < 5; n++) exporter.add(span);
  await exporter.close();
  expect([counts.exported, [...counts.dropped]]).toEqual([3, [["rejected", 2]]]);
});

test("closing sends what waits once, also while a retry is pending, and then takes nothing", async () => {
  const { exporter, counts, bodies } = rig([{ status: 503, body: "" }, "gone", TAKEN]);
  exporter.add(span);
  await vi.waitFor(() => expect(bodies).toHaveLength(1), { timeout: 10_000 });
  await exporter.close();
  expect([bodies.length, [...counts.dropped]]).toEqual([2, [["unreachable", 1]]]);
  exporter.add(span);
  expect(counts.dropped.get("queue_full")).toBe(1);
});
