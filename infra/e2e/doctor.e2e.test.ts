/** The doctor on a stack in which something is wrong: each planted misconfiguration is found, and its mend is named. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { runClaviger } from "../cli/testing/terminal.ts";
import { makeAuthority, makeServer } from "../deploy/certificate.ts";
import { type StartedNats, startNats } from "../local/nats-server.ts";
import { findFreePort } from "../local/ports.ts";
import { ensureSecrets } from "../local/secrets.ts";
import type { Stack } from "../local/types.ts";
import { startStack } from "../testing/stack.ts";

const CLOSED = "http://127.0.0.1:9";

let stack: Stack;
let folder: string;
let operator: Record<string, string>;
let gateway: Record<string, string>;
let openBus: StartedNats;
let tls: Server;
let tlsUrl: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "claviger-doctor-"));
  // Planted: eu-1 says that it is reached where nobody listens.
  stack = await startStack({ env: { "gateway-eu-1": { CLAVIGER_PUBLIC_URL: CLOSED } } });
  const secrets = ensureSecrets(stack.home, []);
  operator = {
    DATABASE_URL: stack.urls.postgres,
    NATS_URL: stack.urls.nats,
    CLAVIGER_NATS_PUBLIC_URLS: `${stack.urls.nats},${stack.urls.natsWebSocket}`,
    CLAVIGER_KEK: secrets.keyEncryptionKey,
    CLAVIGER_OPERATOR_TOKEN: secrets.operatorToken,
    CLAVIGER_PUBLIC_URL: stack.urls.controlPlane,
  };
  gateway = {
    CLAVIGER_CONTROL_PLANE_URL: stack.urls.controlPlane,
    CLAVIGER_GATEWAY_HOME: join(stack.home, "gateways", "us-1"),
    CLAVIGER_GATEWAY_MASTER_KEY: secrets.gatewayMasterKeys["us-1"] ?? "",
  };
  // Planted: a nats-server that asks nobody who they are.
  const port = await findFreePort();
  const configFile = join(folder, "open.conf");
  writeFileSync(configFile, `host: 127.0.0.1\nport: ${port}\n`);
  openBus = await startNats({ binary: inject("natsServerBinary"), configFile, port });
  // Planted: a certificate that ended yesterday.
  const ends = { from: new Date("2020-01-01"), to: new Date(Date.now() - 86_400_000) };
  const old = makeServer(["127.0.0.1"], ends, makeAuthority("doctor", ends));
  tls = createServer({ cert: old.certificatePem, key: old.keyPem });
  await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
  tlsUrl = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`;
});
afterAll(async () => {
  tls?.close();
  await openBus?.stop();
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Planted {
  readonly env?: Record<string, string | undefined>;
  readonly args?: readonly string[];
  readonly now?: () => Date;
}

/** What the doctor complains of, as `about: said → mend`. */
async function complaints({ env = {}, args = [], now }: Planted): Promise<string[]> {
  const all = {
    CLAVIGER_CONFIG_DIR: folder,
    CLAVIGER_CONTROL_PLANE_URL: stack.urls.controlPlane,
    CLAVIGER_TOKEN: stack.credentials?.adminToken,
    ...env,
  };
  const ran = await runClaviger(["doctor", "--json", ...args], { env: all, ...(now && { now }) });
  const { data } = JSON.parse(ran.lines.join("\n")) as {
    data: { about: string; level: string; said: string; mend?: string }[];
  };
  const errors = data.filter(({ level }) => level === "error");
  expect(ran.exitCode).toBe(errors.length === 0 ? 0 : 1);
  return errors.map(({ about, said, mend }) => `${about}: ${said} → ${mend}`);
}

const wrongPassword = (url: string) => url.replace(/:[^:@/]+@/, ":not-the-password@");

test.each<[string, () => Planted, RegExp]>([
  [
    "1. nobody at the control plane's address",
    () => ({ env: { CLAVIGER_CONTROL_PLANE_URL: CLOSED } }),
    /^control plane: .*does not answer.* → start the control plane, or name the right address/,
  ],
  [
    "2. a gateway's address in its place",
    () => ({ args: ["--url", stack.urls.gateways["us-1"] ?? ""] }),
    /is no control plane: that is the gateway us-1 → name the control plane's address/,
  ],
  [
    "3. a token that does not hold",
    () => ({ env: { CLAVIGER_TOKEN: `clvp_${"x".repeat(40)}` } }),
    /^sign-in: .*does not take the token.* → sign in again: "claviger login"/,
  ],
  [
    "4. another password than PostgreSQL's",
    () => ({ env: { ...operator, DATABASE_URL: wrongPassword(stack.urls.postgres) } }),
    /^database: .*password.* → correct user and password in DATABASE_URL/,
  ],
  [
    "5. another key-encryption key",
    () => ({ env: { ...operator, CLAVIGER_KEK: Buffer.alloc(32, 9).toString("base64") } }),
    /^key-encryption key: .* → set CLAVIGER_KEK to the key that this database was set up with/,
  ],
  [
    "6. no nats-server at NATS_URL",
    () => ({ env: { ...operator, NATS_URL: "nats://127.0.0.1:9" } }),
    /^bus: nobody speaks NATS at nats:\/\/127.0.0.1:9 .* → start nats-server/,
  ],
  [
    "7. a nats-server that lets everybody in",
    () => ({ env: { ...operator, NATS_URL: openBus.url } }),
    /^bus: nats-server at .* lets everybody in → start it with the nats.conf/,
  ],
  [
    "8. a clock that is ten minutes ahead",
    () => ({ now: () => new Date(Date.now() + 600_000) }),
    /^clock: this machine's clock is (599|600|601) s ahead of .* → let NTP set the clocks/,
  ],
  [
    "9. a certificate that has ended",
    () => ({ args: ["--url", tlsUrl] }),
    /^TLS: the certificate of .* ended at .* → renew it/,
  ],
  [
    "10. a gateway that is not reached where it says",
    () => ({}),
    /^gateway eu-1: nobody answers at its public address .* → set CLAVIGER_PUBLIC_URL of eu-1/,
  ],
  [
    "11. addresses of the bus that gateways cannot reach",
    () => ({ env: { ...operator, CLAVIGER_NATS_PUBLIC_URLS: "wss://127.0.0.1:9" } }),
    /^bus: nobody listens at wss:\/\/127.0.0.1:9, which gateways are told → set CLAVIGER_NATS_PUBLIC_URLS/,
  ],
  [
    "12. a setting that is missing",
    () => ({ env: { ...operator, CLAVIGER_OPERATOR_TOKEN: undefined } }),
    /^settings: the control plane would not start: CLAVIGER_OPERATOR_TOKEN is missing → set CLAVIGER_OPERATOR_TOKEN/,
  ],
  [
    "13. another master key than a gateway's folder was made with",
    () => ({ env: { ...gateway, CLAVIGER_GATEWAY_MASTER_KEY: Buffer.alloc(32, 9).toString("base64") } }),
    /^gateway's home: slot 0 cannot be opened: .* → set CLAVIGER_GATEWAY_MASTER_KEY to the key that this folder was made with/,
  ],
])("%s", async (_name, planted, expected) => {
  const found = await complaints(planted());
  expect(found.filter((complaint) => expected.test(complaint))).toHaveLength(1);
});

test("14. a control plane without its bus says so, and so does the doctor", async () => {
  await stack.child("nats").stop();
  try {
    await expect
      .poll(() => complaints({}))
      .toContainEqual(
        expect.stringMatching(/^bus: the control plane is not connected to NATS.* → start nats-server/),
      );
  } finally {
    await stack.child("nats").start();
  }
});

test("15. a provider that gateways do not reach, with --providers", async () => {
  expect(await complaints({ args: ["--providers"] })).not.toContainEqual(expect.stringContaining("LLM key"));
  await stack.child("sandbox").stop();
  try {
    expect(await complaints({ args: ["--providers"] })).toContainEqual(
      expect.stringMatching(/^LLM key sandbox: from us-1: unreachable → mend the base URL, or the way/),
    );
  } finally {
    await stack.child("sandbox").start();
  }
});

test("a gateway that is away is named with what to do; what is well is not complained of", async () => {
  await stack.child("gateway-us-1").stop();
  try {
    await expect
      .poll(() => complaints({ env: { ...operator, ...gateway } }), { timeout: 90_000, interval: 1_000 })
      .toContainEqual(
        expect.stringMatching(
          /^gateway us-1: replica 0 was last heard at .* → start it, and let it reach the control plane/,
        ),
      );
  } finally {
    await stack.child("gateway-us-1").start();
  }
  // All that is left is what was planted for good.
  await expect
    .poll(() => complaints({ env: { ...operator, ...gateway } }), { timeout: 90_000, interval: 1_000 })
    .toEqual([expect.stringContaining("gateway eu-1: nobody answers at its public address")]);
});
