import { expect, test } from "vitest";
import { isSampled, readSampling } from "./sampler.ts";
import { randomHex, readTraceparent, writeTraceparent } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a traceparent is read as it is written, and one of a later version by its first four fields", () => {
  const context = { traceId: TRACE, spanId: SPAN, sampled: true };
  expect(readTraceparent(writeTraceparent(context))).toEqual(context);
  expect(readTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled).toBe(false);
  expect(readTraceparent(`01-${TRACE}-${SPAN}-03-what-comes-later`)).toEqual(context);
});

test.each([
  undefined,
  "",
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${SPAN}-01\r\nx: y`,
])("what is no traceparent begins a trace of our own: %j", (text) => {
  expect(readTraceparent(text)).toBeUndefined();
});

test("the samplers of OpenTelemetry: the caller's word, a share of the traces, all, none", () => {
  const ids = Array.from({ length: 4000 }, () => randomHex(16));
  const share = (name: string, ratio: number) => {
    const sampling = readSampling(name, ratio);
    return sampling && ids.filter((id) => isSampled(sampling, id, undefined)).length / ids.length;
  };
  expect(share("always_on", 0)).toBe(1);
  expect(share("parentbased_always_off", 1)).toBe(0);
  expect(share("traceidratio", 0.25)).toBeGreaterThan(0.15);
  expect(share("traceidratio", 0.25)).toBeLessThan(0.35);
  const asked = readSampling("parentbased_always_off", 1);
  const parent = { traceId: TRACE, spanId: SPAN, sampled: true };
  expect(asked && isSampled(asked, TRACE, parent)).toBe(true);
  expect(readSampling("jaeger_remote", 1)).toBeUndefined();
});
