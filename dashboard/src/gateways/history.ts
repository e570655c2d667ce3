import type { Gateway } from "../api/queries.ts";

const SAMPLES_MAX = 60;

const samples = new Map<string, { atMs: number; values: number[] }>();

/** Requests per second of a gateway as they were seen since the dashboard was opened; one sample per answer. */
export function samplesOf({ id, attributes }: Gateway, atMs: number): readonly number[] {
  const held = samples.get(id) ?? { atMs: 0, values: [] };
  if (held.atMs === atMs) return held.values;
  const values = [...held.values, attributes.requestsPerSecond].slice(-SAMPLES_MAX);
  samples.set(id, { atMs, values });
  return values;
}
