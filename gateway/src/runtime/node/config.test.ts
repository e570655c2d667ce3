import { expect, test } from "vitest";
import { ConfigError } from "../../config-error.ts";
import { readConfig } from "./config.ts";

const GOOD = {
  CLAVIGER_CONTROL_PLANE_URL: "http://127.0.0.1:8700/",
  CLAVIGER_GATEWAY_HOME: "/var/lib/claviger",
  CLAVIGER_GATEWAY_MASTER_KEY: Buffer.alloc(32, 1).toString("base64"),
};

const complaint = (env: Record<string, string | undefined>) => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "none";
};

test("the least that is needed is enough", () => {
  expect(readConfig(GOOD)).toMatchObject({
    controlPlaneUrl: "http://127.0.0.1:8700",
    enrolmentToken: undefined,
    slot: "0",
    replicas: 1,
    trustedProxies: [],
    logDaysMax: 30,
    logBytesMax: 5_000_000_000,
    bodyDaysMax: 7,
    bodyBytesMax: 500_000_000,
    attempts: { connectTimeoutMs: 10_000, headersTimeoutMs: 300_000, attemptsMax: 3 },
    mcpStreamsMax: 16,
    port: 8701,
    host: "127.0.0.1",
  });
  expect(readConfig(GOOD).masterKey).toEqual(new Uint8Array(32).fill(1));
});

test("a setting that is missing or empty is named in one line", () => {
  for (const name of Object.keys(GOOD)) {
    expect(complaint({ ...GOOD, [name]: undefined })).toBe(`${name} is missing`);
    expect(complaint({ ...GOOD, [name]: "" })).toBe(`${name} is missing`);
  }
});

test("a setting that is malformed is named in one line that does not repeat it", () => {
  for (const [name, value] of [
    ["CLAVIGER_CONTROL_PLANE_URL", "ftp://nowhere"],
    ["CLAVIGER_CONTROL_PLANE_URL", "nowhere"],
    ["CLAVIGER_GATEWAY_MASTER_KEY", "c2VjcmV0LXRvby1zaG9ydA=="],
    ["CLAVIGER_ENROLMENT_TOKEN", "short"],
    ["CLAVIGER_REPLICAS", "65"],
    ["CLAVIGER_REPLICAS", "two"],
    ["CLAVIGER_PUBLIC_URL", "nowhere"],
    ["CLAVIGER_LOG_DAYS_MAX", "2"],
    ["CLAVIGER_CONNECT_TIMEOUT_MS", "999"],
    ["CLAVIGER_HEADERS_TIMEOUT_MS", "for ever"],
    ["CLAVIGER_ATTEMPTS_MAX", "0"],
    ["CLAVIGER_MCP_STREAMS_MAX", "0"],
    ["CLAVIGER_ATTEMPTS_MAX", "11"],
    ["CLAVIGER_LOG_BYTES_MAX", "999"],
    ["CLAVIGER_TRUSTED_PROXIES", "10.0.0.0/8,everybody"],
    ["CLAVIGER_EGRESS_ALLOW", "http://a b"],
    ["CLAVIGER_SLOT", "../0"],
    ["PORT", "65536"],
    ["PORT", "-1"],
  ] as const) {
    const message = complaint({ ...GOOD, [name]: value });
    expect(message, value).toMatch(new RegExp(`^${name} is malformed: .+`));
    expect(message).not.toContain("\n");
    expect(message).not.toContain(value);
  }
});

test("lists may be separated by commas, spaces or both", () => {
  const { trustedProxies } = readConfig({ ...GOOD, CLAVIGER_TRUSTED_PROXIES: "10.0.0.0/8, ::1 192.0.2.7," });
  expect(trustedProxies).toEqual(["10.0.0.0/8", "::1", "192.0.2.7"]);
});
