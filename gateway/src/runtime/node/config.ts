/** The environment of a Node gateway, read once (API.md §1). */
import { parseCidr } from "@claviger/shared/decide/ip";
import * as z from "zod";
import { ConfigError } from "../../config-error.ts";
import {
  AttemptEnvironment,
  type AttemptSettings,
  readAttemptSettings,
} from "../../forward/attempt-settings.ts";
import { McpEnvironment } from "../../mcp/settings.ts";
import { SOFTWARE } from "../../software.ts";
import { readTraceSettings, TraceEnvironment, type TraceSettings } from "../../telemetry/settings.ts";
import { parseEgressAllow } from "./egress.ts";
import { BODY_BYTES_MAX } from "./log-store.ts";

const Environment = z.object({
  CLAVIGER_CONTROL_PLANE_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }),
  CLAVIGER_ENROLMENT_TOKEN: z.string().min(10, "must be an enrolment token (clvt_…)").optional(),
  CLAVIGER_GATEWAY_HOME: z.string().min(1),
  CLAVIGER_GATEWAY_MASTER_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/_-]{43}=?$/, "must be 32 bytes in base64")
    .transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
  CLAVIGER_REPLICAS: z.coerce.number().int().min(1).max(64).default(1),
  CLAVIGER_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
  CLAVIGER_TRUSTED_PROXIES: z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter((entry) => entry !== ""))
    .refine((entries) => entries.every((entry) => parseCidr(entry) !== undefined), {
      error: "must be addresses or CIDRs, separated by commas",
    }),
  CLAVIGER_EGRESS_ALLOW: z.string().default("").refine(isEgressAllow, {
    error: "must be host:port or CIDR entries, separated by commas",
  }),
  CLAVIGER_SLOT: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .default("0"),
  CLAVIGER_LOG_DAYS_MAX: z.coerce.number().int().min(3).max(3650).default(30),
  CLAVIGER_LOG_BYTES_MAX: z.coerce.number().int().min(10_000_000).default(5_000_000_000),
  CLAVIGER_BODY_DAYS_MAX: z.coerce.number().int().min(1).max(3650).default(7),
  CLAVIGER_BODY_BYTES_MAX: z.coerce.number().int().min(1_000_000).default(BODY_BYTES_MAX),
  ...AttemptEnvironment,
  ...McpEnvironment,
  ...TraceEnvironment,
  CLAVIGER_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8701),
  HOST: z.string().min(1).default("127.0.0.1"),
});

function isEgressAllow(text: string): boolean {
  try {
    parseEgressAllow(text);
    return true;
  } catch {
    return false;
  }
}

export interface Config {
  controlPlaneUrl: string;
  enrolmentToken: string | undefined;
  home: string;
  /** The replica's folder below `home`. */
  slot: string;
  masterKey: Uint8Array;
  replicas: number;
  publicUrl: string | undefined;
  /** Addresses and CIDRs. */
  trustedProxies: string[];
  egressAllow: string;
  /** Lines of the local log that are older go. */
  logDaysMax: number;
  /** Above this size of the local log of one replica, lines go earlier. */
  logBytesMax: number;
  /** Captured bodies that are older go, and those beyond so many bytes. */
  bodyDaysMax: number;
  bodyBytesMax: number;
  logLevel: "debug" | "info" | "warn" | "error";
  attempts: AttemptSettings;
  /** `GET` streams of MCP that one key may have open at one replica. */
  mcpStreamsMax: number;
  /** Undefined: nothing is traced. */
  traces: TraceSettings | undefined;
  port: number;
  host: string;
}

/** The settings, or a `ConfigError` for the first that will not do. An empty value counts as absent. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? "the environment");
    const why = given[name] === undefined ? "is missing" : `is malformed: ${issue?.message}`;
    throw new ConfigError(`${name} ${why}`);
  }
  const { data } = parsed;
  return {
    controlPlaneUrl: data.CLAVIGER_CONTROL_PLANE_URL.replace(/\/+$/, ""),
    enrolmentToken: data.CLAVIGER_ENROLMENT_TOKEN,
    home: data.CLAVIGER_GATEWAY_HOME,
    slot: data.CLAVIGER_SLOT,
    masterKey: data.CLAVIGER_GATEWAY_MASTER_KEY,
    replicas: data.CLAVIGER_REPLICAS,
    publicUrl: data.CLAVIGER_PUBLIC_URL,
    trustedProxies: data.CLAVIGER_TRUSTED_PROXIES,
    egressAllow: data.CLAVIGER_EGRESS_ALLOW,
    logDaysMax: data.CLAVIGER_LOG_DAYS_MAX,
    logBytesMax: data.CLAVIGER_LOG_BYTES_MAX,
    bodyDaysMax: data.CLAVIGER_BODY_DAYS_MAX,
    bodyBytesMax: data.CLAVIGER_BODY_BYTES_MAX,
    logLevel: data.CLAVIGER_LOG_LEVEL,
    attempts: readAttemptSettings(data),
    mcpStreamsMax: data.CLAVIGER_MCP_STREAMS_MAX,
    traces: readTraceSettings(
      data,
      { "service.name": SOFTWARE.name, "service.version": SOFTWARE.version },
      SOFTWARE.version,
    ),
    port: data.PORT,
    host: data.HOST,
  };
}
