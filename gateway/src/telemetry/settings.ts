/** Where traces go and which are made: OpenTelemetry's own environment variables, so that one setting counts for a whole estate. */
import * as z from "zod";
import { EXPORT_DEFAULTS, type ExportSettings } from "./exporter.ts";
import type { Attributes } from "./otlp.ts";
import { readSampling, type Sampling } from "./sampler.ts";

export interface TraceSettings {
  readonly sampling: Sampling;
  readonly exporting: ExportSettings;
}

const Url = z.url({ protocol: /^https?$/, error: "must be an http(s) URL" });
const Pairs = z
  .string()
  .default("")
  .transform((text, context) => {
    const pairs = readPairs(text);
    if (pairs === undefined) context.addIssue("must be name=value pairs, separated by commas");
    return pairs ?? {};
  });

/** The variables, to stand among those of a runtime. Specification: "OpenTelemetry Protocol Exporter", "SDK Environment Variables". */
export const TraceEnvironment = {
  OTEL_SDK_DISABLED: z.enum(["true", "false"], { error: "must be true or false" }).default("false"),
  OTEL_TRACES_EXPORTER: z.enum(["otlp", "none"], { error: "must be otlp or none" }).default("otlp"),
  OTEL_EXPORTER_OTLP_ENDPOINT: Url.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Url.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal("http/json", { error: "must be http/json" }).default("http/json"),
  OTEL_EXPORTER_OTLP_HEADERS: Pairs,
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce.number().int().min(1).default(EXPORT_DEFAULTS.timeoutMs),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: Pairs,
  OTEL_TRACES_SAMPLER: z
    .string()
    .default("parentbased_always_on")
    .refine((name) => readSampling(name, 1) !== undefined, { error: "must be a sampler of OpenTelemetry's" }),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
};

const Settings = z.object(TraceEnvironment);

/** Undefined where tracing is off, which it is without an endpoint. */
export function readTraceSettings(
  env: z.infer<typeof Settings>,
  resource: Attributes,
  scopeVersion: string,
): TraceSettings | undefined {
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, "");
  const url =
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : `${base}/v1/traces`);
  const off = env.OTEL_SDK_DISABLED === "true" || env.OTEL_TRACES_EXPORTER === "none";
  const sampling = readSampling(env.OTEL_TRACES_SAMPLER, env.OTEL_TRACES_SAMPLER_ARG);
  if (off || url === undefined || sampling === undefined) return undefined;
  return {
    sampling,
    exporting: {
      ...EXPORT_DEFAULTS,
      ...{ url, headers: env.OTEL_EXPORTER_OTLP_HEADERS, timeoutMs: env.OTEL_EXPORTER_OTLP_TIMEOUT },
      resource: {
        ...resource,
        ...env.OTEL_RESOURCE_ATTRIBUTES,
        ...(env.OTEL_SERVICE_NAME === undefined ? {} : { "service.name": env.OTEL_SERVICE_NAME }),
      },
      scopeVersion,
    },
  };
}

/** `name=value,…`, values percent-encoded; undefined where a part is none. */
function readPairs(text: string): Record<string, string> | undefined {
  const pairs: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    if (at < 1) return undefined;
    try {
      pairs[part.slice(0, at).trim()] = decodeURIComponent(part.slice(at + 1).trim());
    } catch {
      // A stray percent sign.
      return undefined;
    }
  }
  return pairs;
}
