import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EnrolRequest } from "@claviger/shared/wire/enrol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureEnrolled } from "../../identity/enrol.ts";
import { startAgain } from "../../identity/keeper.ts";
import { createIdentityFile } from "./identity.ts";
import { lockSlot } from "./lock.ts";

const MASTER = new Uint8Array(32).fill(7);
const log = { debug() {}, info() {}, warn() {}, error() {} };
let folder = "";
let server: Server;
let url = "";
const requests: EnrolRequest[] = [];
/** Status and body of each answer, in order; the last one stays. */
let answers: [number, string][] = [];

const ANSWER = JSON.stringify({
  v: 1,
  organizationId: "org_000000000001",
  gatewayId: "gw_000000000001",
  gatewayName: "eu-1",
  region: "eu",
  replicaId: "rep_000000000001",
  natsJwt: "jwt-canary",
  natsUrls: ["nats://127.0.0.1:1"],
  verificationKeys: [{ kid: "a", x: "b" }],
  dataKeys: [],
  cpTimeMs: 1,
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clv-enrol-"));
  requests.length = 0;
  answers = [[200, ANSWER]];
  server = createServer((incoming, outgoing) => {
    let body = "";
    incoming.on("data", (chunk) => {
      body += String(chunk);
    });
    incoming.on("end", () => {
      requests.push(EnrolRequest.parse(JSON.parse(body)));
      const [status, text] = (answers.length > 1 ? answers.shift() : answers[0]) as [number, string];
      outgoing.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const settings = (enrolmentToken: string | undefined) => ({
  controlPlaneUrl: url,
  enrolmentToken,
  publicUrl: undefined,
  slot: "0",
  runtime: "node" as const,
  folder,
});
const file = () => createIdentityFile(folder, MASTER, "0");

test("an empty folder without a token is a start-up error that says so", async () => {
  await expect(ensureEnrolled(file(), settings(undefined), log)).rejects.toThrow(
    `CLAVIGER_ENROLMENT_TOKEN is missing: ${folder} is empty, and a first start needs a token`,
  );
  expect(requests).toEqual([]);
});

test("a first start enrols; every later one needs neither token nor control plane", async () => {
  const first = await ensureEnrolled(file(), settings("clvt_0123456789"), log);
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({
    token: "clvt_0123456789",
    slot: "0",
    runtime: "node",
    nkey: first.nkey,
  });
  server.closeAllConnections();
  server.close();
  const again = await ensureEnrolled(file(), settings(undefined), log);
  expect(again).toEqual(first);
});

test("an answer that was lost is asked for again with the same keys", async () => {
  answers = [
    [503, "starting"],
    [200, "{"],
    [200, ANSWER],
  ];
  const made = await ensureEnrolled(file(), settings("clvt_0123456789"), log);
  expect(new Set(requests.map(({ nkey, sealKey }) => `${nkey} ${sealKey}`)).size).toBe(1);
  expect(requests.length).toBeGreaterThan(1);
  expect(made.enrolled.replicaId).toBe("rep_000000000001");
});

test("a refusal ends the start, and the keys are tried again with the next token", async () => {
  answers = [[409, '{"error":{"code":"enrolment_used"}}']];
  await expect(ensureEnrolled(file(), settings("clvt_0123456789"), log)).rejects.toThrow(
    /409.*enrolment_used/,
  );
  answers = [[200, ANSWER]];
  await ensureEnrolled(file(), settings("clvt_9876543210"), log);
  expect(requests[0]?.nkey).toBe(requests[1]?.nkey);
});

test("the identity is sealed, for its owner only, and another master key is told apart from an empty folder", async () => {
  const { nkeySeed } = await ensureEnrolled(file(), settings("clvt_0123456789"), log);
  const path = join(folder, "identity.sealed");
  const bytes = await readFile(path);
  for (const canary of [nkeySeed, "jwt-canary", "clvt_"]) expect(bytes.includes(canary)).toBe(false);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const other = createIdentityFile(folder, new Uint8Array(32).fill(8), "0");
  await expect(ensureEnrolled(other, settings("clvt_0123456789"), log)).rejects.toThrow(/MASTER_KEY/);
  expect(requests).toHaveLength(1);
});

test("each start has a place of its own in the order, on disk before it is used", async () => {
  const first = await startAgain(file(), await ensureEnrolled(file(), settings("clvt_0123456789"), log));
  const second = await startAgain(file(), await ensureEnrolled(file(), settings(undefined), log));
  expect([first.starts, second.starts]).toEqual([1, 2]);
  expect((await file().read())?.starts).toBe(2);
});

test("a slot belongs to one living process; what a dead one left behind is taken over", async () => {
  const unlock = await lockSlot(folder);
  await expect(lockSlot(folder)).rejects.toThrow(/in use by process/);
  await unlock();
  for (const left of ['{"pid":4194303,"started":"1"}', '{"pid":', `{"pid":${process.pid},"started":"0"}`]) {
    await writeFile(join(folder, "lock"), left);
    const again = await lockSlot(folder);
    await again();
  }
});
