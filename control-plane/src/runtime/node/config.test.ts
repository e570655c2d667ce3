import { expect, test } from "vitest";
import { ConfigError, readConfig } from "./config.ts";

const KEK = Buffer.alloc(32, 1).toString("base64");

const good = {
  DATABASE_URL: "postgres://u:p@127.0.0.1:5432/claviger",
  NATS_URL: "nats://127.0.0.1:4222",
  CLAVIGER_NATS_PUBLIC_URLS: "nats://bus.example.com:4222, wss://bus.example.com",
  CLAVIGER_KEK: KEK,
  CLAVIGER_OPERATOR_TOKEN: "operator-token-of-the-test-0123456789",
  CLAVIGER_PUBLIC_URL: "https://keys.example.com/",
  CLAVIGER_EGRESS_ALLOW: "127.0.0.1:8709,10.0.0.0/8",
  CLAVIGER_TRUSTED_PROXIES: "10.0.0.0/8, ::1",
  CLAVIGER_SMTP_URL: "smtp://user:pass@mail.example.com:587",
  CLAVIGER_SMTP_FROM: "Claviger <keys@example.com>",
  PORT: "8700",
  HOST: "0.0.0.0",
};

test("every setting is read", () => {
  expect(readConfig(good)).toMatchObject({
    databaseUrl: good.DATABASE_URL,
    kek: new Uint8Array(32).fill(1),
    natsUrls: ["nats://127.0.0.1:4222"],
    natsPublicUrls: ["nats://bus.example.com:4222", "wss://bus.example.com"],
    operatorToken: good.CLAVIGER_OPERATOR_TOKEN,
    publicUrl: "https://keys.example.com",
    egressAllow: ["127.0.0.1:8709", "10.0.0.0/8"],
    trustedProxies: ["10.0.0.0/8", "::1"],
    mail: { url: good.CLAVIGER_SMTP_URL, from: good.CLAVIGER_SMTP_FROM },
    usageEventDays: 400,
    logLevel: "info",
    port: 8700,
    host: "0.0.0.0",
  });
});

test.each([
  ["DATABASE_URL", undefined, "DATABASE_URL is missing"],
  ["CLAVIGER_USAGE_EVENT_DAYS", "6", "CLAVIGER_USAGE_EVENT_DAYS must be a number of days, 7 or more"],
  ["DATABASE_URL", "mysql://canary", "DATABASE_URL must be a postgres:// URL"],
  [
    "NATS_URL",
    "canary",
    "NATS_URL must be a comma-separated list of nats://, tls://, ws:// or wss:// addresses",
  ],
  ["CLAVIGER_KEK", undefined, "CLAVIGER_KEK is missing"],
  ["CLAVIGER_KEK", "canary", "CLAVIGER_KEK must be 32 bytes as base64"],
  [
    "CLAVIGER_KEK",
    "aws-kms://canary",
    "CLAVIGER_KEK names a key of a KMS, which this version does not support; give 32 bytes as base64",
  ],
  ["CLAVIGER_OPERATOR_TOKEN", "canary", "CLAVIGER_OPERATOR_TOKEN must have at least 32 characters"],
  ["CLAVIGER_PUBLIC_URL", "canary", "CLAVIGER_PUBLIC_URL must be an http:// or https:// URL"],
  [
    "CLAVIGER_TRUSTED_PROXIES",
    "10.0.0.0/8,canary",
    "CLAVIGER_TRUSTED_PROXIES must be addresses or CIDRs, separated by commas",
  ],
  [
    "CLAVIGER_EGRESS_ALLOW",
    "10.0.0.0/8,canary",
    "CLAVIGER_EGRESS_ALLOW must be host:port or CIDR entries, separated by commas",
  ],
  ["CLAVIGER_SMTP_URL", "https://canary", "CLAVIGER_SMTP_URL must be an smtp:// or smtps:// URL"],
  ["CLAVIGER_SMTP_URL", undefined, "CLAVIGER_SMTP_URL is missing"],
  ["CLAVIGER_SMTP_FROM", "canary", "CLAVIGER_SMTP_FROM must be an e-mail address"],
  ["PORT", "canary", "PORT must be a port number"],
  ["PORT", "70000", "PORT must be a port number"],
])(
  "a %s that is %s stops the start with one line that names it and does not show it",
  (name, value, line) => {
    const { [name]: _replaced, ...rest } = good as Record<string, string>;
    const read = () => readConfig(value === undefined ? rest : { ...rest, [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${line.replaceAll(/[.()/]/g, "\\$&")}$`));
  },
);
