/** Which requests are traced: the samplers of OpenTelemetry's environment (`OTEL_TRACES_SAMPLER`). */
import type { TraceContext } from "./trace-context.ts";

export interface Sampling {
  /** The caller's word counts, where it has one. */
  readonly parentBased: boolean;
  /** 0…1 of the traces that begin here. */
  readonly ratio: number;
}

/** Names as the specification has them; undefined for any other. `ratio` counts for those that end with `ratio`. */
export function readSampling(name: string, ratio: number): Sampling | undefined {
  const parentBased = name.startsWith("parentbased_");
  const root = parentBased ? name.slice("parentbased_".length) : name;
  if (root === "always_on") return { parentBased, ratio: 1 };
  if (root === "always_off") return { parentBased, ratio: 0 };
  return root === "traceidratio" ? { parentBased, ratio } : undefined;
}

/** By the trace's id, so that every process on the way decides the same. */
export function isSampled(sampling: Sampling, traceId: string, parent: TraceContext | undefined): boolean {
  if (sampling.parentBased && parent !== undefined) return parent.sampled;
  if (sampling.ratio >= 1) return true;
  // The last 7 bytes are random (W3C Trace Context level 2, §3.3).
  return Number.parseInt(traceId.slice(-13), 16) < sampling.ratio * 2 ** 52;
}
