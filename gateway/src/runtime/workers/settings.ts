/** The variables and secrets of a Worker, read once per isolate (docs/workers.md). */

import type { EgressAllow } from "@claviger/shared/decide/egress";
import { requireEgressAllow } from "@claviger/shared/decide/guarded-lookup";
import { parseCidr } from "@claviger/shared/decide/ip";
import * as z from "zod";
import { ConfigError } from "../../config-error.ts";
import {
  AttemptEnvironment,
  type AttemptSettings,
  readAttemptSettings,
} from "../../forward/attempt-settings.ts";
import { McpEnvironment } from "../../mcp/settings.ts";
import { REGIONS, type Region } from "./region.ts";

const list = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((entry) => entry !== ""));

const Environment = z.object({
  CLAVIGER_CONTROL_PLANE_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }),
  CLAVIGER_ENROLMENT_TOKEN: z.string().min(10, "must be an enrolment token (clvt_…)").optional(),
  CLAVIGER_GATEWAY_MASTER_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/_-]{43}=?$/, "must be 32 bytes in base64")
    .transform((text) => bytesOf(text)),
  CLAVIGER_PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }),
  CLAVIGER_REGIONS: list.pipe(z.array(z.enum(REGIONS))),
  CLAVIGER_TRUSTED_PROXIES: list.refine(
    (entries) => entries.every((entry) => parseCidr(entry) !== undefined),
    { error: "must be addresses or CIDRs, separated by commas" },
  ),
  CLAVIGER_EGRESS_ALLOW: list,
  CLAVIGER_QUIET_SECONDS: z.coerce.number().int().min(10).max(300).default(300),
  CLAVIGER_ACTIVE_SECONDS: z.coerce.number().int().min(1).max(3_600).default(60),
  CLAVIGER_LOG_DAYS_MAX: z.coerce.number().int().min(3).max(3650).default(30),
  CLAVIGER_LOG_BYTES_MAX: z.coerce.number().int().min(10_000_000).default(5_000_000_000),
  CLAVIGER_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  ...AttemptEnvironment,
  ...McpEnvironment,
});

export interface Settings {
  readonly controlPlaneUrl: string;
  readonly enrolmentToken: string | undefined;
  readonly masterKey: Uint8Array;
  readonly publicUrl: string;
  /** Never empty. */
  readonly regions: readonly [Region, ...Region[]];
  readonly trustedProxies: readonly string[];
  readonly egressAllow: EgressAllow;
  /** Between two heartbeats of an object that has nothing to do, in milliseconds. */
  readonly quietMs: number;
  /** After its last request an object stays awake for this long, in milliseconds. */
  readonly activeMs: number;
  readonly logDaysMax: number;
  readonly logBytesMax: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly attempts: AttemptSettings;
  /** `GET` streams of MCP that one key may have open at one object. */
  readonly mcpStreamsMax: number;
}

/** The settings, or a `ConfigError` for the first that will not do. An empty value counts as absent. */
export function readSettings(env: Readonly<Record<string, unknown>>): Settings {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => typeof value === "string" && value !== ""),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? "the environment");
    throw new ConfigError(
      `${name} ${given[name] === undefined ? "is missing" : `is malformed: ${issue?.message}`}`,
    );
  }
  const { data } = parsed;
  const [first = "weur", ...more] = data.CLAVIGER_REGIONS;
  return {
    controlPlaneUrl: data.CLAVIGER_CONTROL_PLANE_URL.replace(/\/+$/, ""),
    enrolmentToken: data.CLAVIGER_ENROLMENT_TOKEN,
    masterKey: data.CLAVIGER_GATEWAY_MASTER_KEY,
    publicUrl: data.CLAVIGER_PUBLIC_URL,
    regions: [first, ...more],
    trustedProxies: data.CLAVIGER_TRUSTED_PROXIES,
    egressAllow: egressAllowOf(data.CLAVIGER_EGRESS_ALLOW),
    quietMs: data.CLAVIGER_QUIET_SECONDS * 1000,
    activeMs: data.CLAVIGER_ACTIVE_SECONDS * 1000,
    logDaysMax: data.CLAVIGER_LOG_DAYS_MAX,
    logBytesMax: data.CLAVIGER_LOG_BYTES_MAX,
    logLevel: data.CLAVIGER_LOG_LEVEL,
    attempts: readAttemptSettings(data),
    mcpStreamsMax: data.CLAVIGER_MCP_STREAMS_MAX,
  };
}

function egressAllowOf(entries: readonly string[]): EgressAllow {
  try {
    return requireEgressAllow(entries);
  } catch (error) {
    throw new ConfigError(`CLAVIGER_EGRESS_ALLOW is malformed: ${(error as Error).message}`);
  }
}

function bytesOf(base64: string): Uint8Array {
  const text = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
