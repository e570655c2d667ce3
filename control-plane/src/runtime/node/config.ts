/** The settings of a Node control plane, from its environment (API.md §1). */
import { resolve } from "node:path";
import { readEgressAllow } from "@claviger/shared/decide/egress";
import { parseCidr } from "@claviger/shared/decide/ip";
import * as z from "zod";

const URL_LIST = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .refine((urls) => urls.every((url) => /^(nats|tls|ws|wss):\/\/[^\s/]+$/.test(url)), {
    message: "must be a comma-separated list of nats://, tls://, ws:// or wss:// addresses",
  });

const KEK = z.string().transform((text, context) => {
  if (/^[a-z][a-z0-9+-]*:\/\//i.test(text)) {
    context.addIssue("names a key of a KMS, which this version does not support; give 32 bytes as base64");
    return z.NEVER;
  }
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 32 && /^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return new Uint8Array(bytes);
  context.addIssue("must be 32 bytes as base64");
  return z.NEVER;
});

const LIST = z
  .string()
  .optional()
  .transform((text) => (text ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()])));

/** Where `vite build` leaves the dashboard; without it the API is served alone. */
const BUILT_DASHBOARD = resolve(import.meta.dirname, "../../../../dashboard/dist");

const POSTGRES_URL = z.string().refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text), {
  message: "must be a postgres:// URL",
});

/** What `nats-init` needs as well. */
const Keys = z.object({ DATABASE_URL: POSTGRES_URL, CLAVIGER_KEK: KEK });

const Environment = Keys.extend({
  NATS_URL: URL_LIST,
  CLAVIGER_NATS_PUBLIC_URLS: URL_LIST.optional(),
  CLAVIGER_OPERATOR_TOKEN: z.string().min(32, "must have at least 32 characters"),
  CLAVIGER_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
    .transform((text) => new URL(text).origin),
  CLAVIGER_EGRESS_ALLOW: LIST.refine(
    (entries) => !("bad" in readEgressAllow(entries)),
    "must be host:port or CIDR entries, separated by commas",
  ),
  CLAVIGER_TRUSTED_PROXIES: LIST.refine(
    (entries) => entries.every((entry) => parseCidr(entry) !== undefined),
    "must be addresses or CIDRs, separated by commas",
  ),
  CLAVIGER_SMTP_URL: z
    .string()
    .refine((text) => /^smtps?:\/\//.test(text) && URL.canParse(text), "must be an smtp:// or smtps:// URL")
    .optional(),
  CLAVIGER_SMTP_FROM: z
    .string()
    .regex(/^[^\r\n]+@[^\r\n]+$/, "must be an e-mail address")
    .optional(),
  CLAVIGER_USAGE_EVENT_DAYS: z
    .string()
    .default("400")
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 7, "must be a number of days, 7 or more")
    .transform(Number),
  CLAVIGER_LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
  CLAVIGER_DASHBOARD_DIR: z.string().min(1).default(BUILT_DASHBOARD),
  PORT: z
    .string()
    .default("8700")
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) < 65_536, "must be a port number")
    .transform(Number),
  HOST: z.string().min(1).default("127.0.0.1"),
});

export interface Config {
  readonly databaseUrl: string;
  readonly kek: Uint8Array;
  readonly natsUrls: readonly string[];
  /** What gateways are told. */
  readonly natsPublicUrls: readonly string[];
  readonly operatorToken: string;
  readonly publicUrl: string;
  readonly egressAllow: readonly string[];
  /** Addresses and CIDRs. */
  readonly trustedProxies: readonly string[];
  /** Where e-mail leaves, and from whom it is; absent: no e-mail is sent. */
  readonly mail: { readonly url: string; readonly from: string } | undefined;
  /** So long single usage events are kept; figures are kept longer. */
  readonly usageEventDays: number;
  readonly dashboardDir: string;
  readonly logLevel: string;
  readonly port: number;
  readonly host: string;
}

/** One line that names the first bad setting and never shows its value. */
export class ConfigError extends Error {}

/** Reads the environment; throws `ConfigError`. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const env = parse(Environment, environment);
  return {
    databaseUrl: env.DATABASE_URL,
    kek: env.CLAVIGER_KEK,
    natsUrls: env.NATS_URL,
    natsPublicUrls: env.CLAVIGER_NATS_PUBLIC_URLS ?? env.NATS_URL,
    operatorToken: env.CLAVIGER_OPERATOR_TOKEN,
    publicUrl: env.CLAVIGER_PUBLIC_URL,
    egressAllow: env.CLAVIGER_EGRESS_ALLOW,
    trustedProxies: env.CLAVIGER_TRUSTED_PROXIES,
    mail: mailOf(env.CLAVIGER_SMTP_URL, env.CLAVIGER_SMTP_FROM),
    usageEventDays: env.CLAVIGER_USAGE_EVENT_DAYS,
    dashboardDir: env.CLAVIGER_DASHBOARD_DIR,
    logLevel: env.CLAVIGER_LOG_LEVEL,
    port: env.PORT,
    host: env.HOST,
  };
}

function mailOf(url: string | undefined, from: string | undefined): Config["mail"] {
  if (url === undefined && from === undefined) return undefined;
  if (url === undefined) throw new ConfigError("CLAVIGER_SMTP_URL is missing");
  if (from === undefined) throw new ConfigError("CLAVIGER_SMTP_FROM is missing");
  return { url, from };
}

/** The two settings of `nats-init`; throws `ConfigError`. */
export function readKeysConfig(environment: NodeJS.ProcessEnv): Pick<Config, "databaseUrl" | "kek"> {
  const env = parse(Keys, environment);
  return { databaseUrl: env.DATABASE_URL, kek: env.CLAVIGER_KEK };
}

/** The settings of a rotation of the key-encryption key; throws `ConfigError`. */
export function readKekConfig(
  environment: NodeJS.ProcessEnv,
): Pick<Config, "databaseUrl" | "kek"> & { readonly nextKek: Uint8Array } {
  const env = parse(Keys.extend({ CLAVIGER_KEK_NEXT: KEK }), environment);
  return { databaseUrl: env.DATABASE_URL, kek: env.CLAVIGER_KEK, nextKek: env.CLAVIGER_KEK_NEXT };
}

function parse<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  throw new ConfigError(
    `${name} ${environment[name] === undefined ? "is missing" : (issue?.message ?? "is malformed")}`,
  );
}
