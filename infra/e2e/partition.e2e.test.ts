import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createIdentityFile } from "../../gateway/src/runtime/node/identity.ts";
import { openRelayPort, type RelayPort } from "../failover/relay-port.ts";
import { layOut } from "../local/layout.ts";
import { ensureSecrets } from "../local/secrets.ts";
import { reservePortRange } from "../testing/port-range.ts";
import { until } from "./proofs/blackout.ts";
import { changeFor, couriersOf, untilCouriers } from "./proofs/no-nats.ts";
import { namesIn } from "./support/admin.ts";
import { untilOperation } from "./support/watch-operation.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

const APART = "us-1";
const BACK_MS_MAX = 40_000;

let world: World;
let ports: ReturnType<typeof layOut>;
/** The two ways of one gateway to the control plane; the other gateway has its own. */
let https: RelayPort;
let bus: RelayPort;
let release = () => undefined as unknown;

beforeAll(async () => {
  const range = await reservePortRange();
  release = () => range.release();
  ports = layOut({ portBase: range.base });
  https = await openRelayPort(ports.controlPlanePorts[0] ?? 0);
  bus = await openRelayPort(ports.natsPort);
  const env = { CLAVIGER_CONTROL_PLANE_URL: `http://127.0.0.1:${https.port}` };
  world = await startWorld({ portBase: range.base, env: { [`gateway-${APART}`]: env } });
  await leadThroughBus();
});
afterAll(async () => {
  await world?.stack.stop();
  await Promise.all([https?.close(), bus?.close()]);
  release();
});

/** An enrolment tells all gateways the same address of the bus; this one is given its own. */
async function leadThroughBus(): Promise<void> {
  const gateway = world.stack.child(`gateway-${APART}`);
  await gateway.stop();
  const { home } = world.stack;
  const masterKey = Buffer.from(ensureSecrets(home, []).gatewayMasterKeys[APART] ?? "", "base64");
  const file = createIdentityFile(join(home, "gateways", APART, "0"), masterKey, "0");
  const identity = await file.read();
  if (identity?.enrolled === undefined) throw new Error(`${APART} has not enrolled`);
  const natsUrls = [`nats://127.0.0.1:${bus.port}`];
  await file.write({ ...identity, enrolled: { ...identity.enrolled, natsUrls } });
  await gateway.start();
  // Each change is a heartbeat, and the first that the bus answers makes it the courier.
  await changeFor(world, 1_000);
  await untilCouriers(world, "bus", BACK_MS_MAX);
}

const urlOf = (name: string) => world.gateways.find((gateway) => gateway.name === name)?.url ?? "";

test("a bus that is split from one gateway: changes go on being confirmed by both, that one's over HTTPS", async () => {
  bus.cut(true);
  await changeFor(world, 1_500);
  expect(couriersOf(world)).toEqual(["bus", "https"]);
});

test("a gateway cut off from everything serves on, delays nobody, is named with the instant by which it refuses, and confirms when it is back (I2)", async () => {
  const { admin, projectId } = world;
  const key = await admin.createKey(projectId);
  const control = await admin.createKey(projectId);
  https.cut(true);
  const change = await admin.change("POST", `/api-keys/${key.id}/revoke`, {}, { prefer: "wait=2" });
  expect([change.status, change.operation.status]).toEqual([202, "pending"]);
  expect(namesIn(change.operation, "confirmed")).toEqual(["eu-1"]);
  const apart = change.operation.gateways.find(({ name }) => name === APART);
  expect(["waiting", "unreachable"]).toContain(apart?.state);
  expect(Date.parse(apart?.refusesBy ?? "")).toBeGreaterThan(Date.now());
  const path = `/projects/${projectId}/api-keys`;
  const body = { data: { type: "api-key", attributes: { name: "made meanwhile" } } };
  const made = await admin.change("POST", path, body, { prefer: "wait=1" });
  const fresh = { secret: made.secret ?? "" };
  expect(namesIn(made.operation, "confirmed")).toEqual(["eu-1"]);
  expect((await useKey(urlOf("eu-1"), key)).status).toBe(401);
  expect((await useKey(urlOf("eu-1"), fresh)).status).toBe(200);
  expect((await useKey(urlOf(APART), control)).status).toBe(200);
  https.aim(ports.controlPlanePorts[0] ?? 0);
  bus.aim(ports.natsPort);
  const { adminToken } = world.credentials;
  const done = await untilOperation(admin, adminToken, change.operation.id, "confirmed", BACK_MS_MAX);
  expect(namesIn(done, "confirmed")).toEqual(["eu-1", APART]);
  expect((await useKey(urlOf(APART), key)).status).toBe(401);
  await until(
    async () => (await useKey(urlOf(APART), fresh)).status === 200,
    "the new key is served there too",
  );
});
