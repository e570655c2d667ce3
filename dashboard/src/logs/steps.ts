/** The stations of a request at a gateway, in their order, as far as its log tells of them. */
import type { LogEntry } from "./records.ts";

export type StepName = "auth" | "limits" | "attempt" | "wait" | "stream" | "settle";

export interface Step {
  readonly name: StepName;
  /** `passed`, `failed` here, or `skipped`: it came to no more. */
  readonly outcome: "passed" | "failed" | "skipped";
  /** Absent: not measured. */
  readonly ms?: number;
  /** Model, provider and answer of an attempt. */
  readonly attempt?: {
    readonly n: number;
    readonly at: string;
    readonly status: number;
    readonly code: string | null;
  };
}

/** What a refusal by a limit is called; every other refusal is of the credential or of what the key may do. */
const limits = /rate_limit|budget|concurren|quota|too_many|overloaded|slow_down/;

/** Durations as measured by the gateway; pauses between attempts are in none of them. */
export function stepsOf(row: LogEntry["attributes"]): Step[] {
  const { decision, code, attempts = [], firstByteMs, totalMs, streamed, model, provider, status } = row;
  const refused = decision === "refused" || (decision === undefined && code !== null && provider === null);
  if (refused) {
    const byLimit = limits.test(code ?? "");
    return [
      { name: "auth", outcome: byLimit ? "passed" : "failed" },
      { name: "limits", outcome: byLimit ? "failed" : "skipped" },
      { name: "attempt", outcome: "skipped" },
      { name: "settle", outcome: "skipped" },
    ];
  }
  const before = attempts.map(
    (one, n): Step => ({
      name: "attempt",
      outcome: "failed",
      ms: one.ms,
      attempt: { n: n + 1, at: `${one.provider}/${one.model}`, status: one.status, code: one.code },
    }),
  );
  const failed = code !== null;
  const waited = firstByteMs ?? totalMs;
  return [
    { name: "auth", outcome: "passed" },
    { name: "limits", outcome: "passed" },
    ...before,
    {
      name: "attempt",
      outcome: failed ? "failed" : "passed",
      ms: waited,
      attempt: { n: attempts.length + 1, at: `${provider ?? "–"}/${model ?? "–"}`, status, code },
    },
    firstByteMs === null
      ? { name: "stream", outcome: "skipped" }
      : { name: streamed ? "stream" : "wait", outcome: "passed", ms: Math.max(0, totalMs - firstByteMs) },
    { name: "settle", outcome: "passed" },
  ];
}
