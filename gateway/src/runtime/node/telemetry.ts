/** What telemetry needs of Node: a way to the collector, the process's memory, and who this replica is. */
import type { Post } from "../../telemetry/exporter.ts";
import type { RuntimeGauges } from "../../telemetry/prometheus.ts";
import type { TraceSettings } from "../../telemetry/settings.ts";

const ANSWER_BYTES_MAX = 64 * 1024;

/** The collector is the operator's own choice, so no egress guard stands before it; it cannot send us elsewhere. */
export const postText: Post = async (url, headers, body, timeoutMs) => {
  const answer = await fetch(url, {
    ...{ method: "POST", headers, body, redirect: "manual" },
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await answer.text();
  return { status: answer.status, body: text.length > ANSWER_BYTES_MAX ? "" : text };
};

export function memoryGauges(): Pick<RuntimeGauges, "heapUsedBytes" | "residentBytes"> {
  const { heapUsed, rss } = process.memoryUsage();
  return { heapUsedBytes: heapUsed, residentBytes: rss };
}

/** The resource of the spans, with what enrolment has told; what an operator named stays as named. */
export function namedTraces(
  traces: TraceSettings | undefined,
  gatewayName: string,
  replicaId: string,
): TraceSettings | undefined {
  if (traces === undefined) return undefined;
  const resource = {
    ...{ "service.instance.id": replicaId, "claviger.gateway.name": gatewayName },
    ...traces.exporting.resource,
  };
  return { ...traces, exporting: { ...traces.exporting, resource } };
}
