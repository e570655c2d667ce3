/**
 * Bus credentials end after a day (PROTOCOL §2.2). Here they end after seconds: a server closes the connection that was
 * made with them, so whoever renews them has to take over in time, on a live bus, without losing a request.
 */
import { setTimeout as pause } from "node:timers/promises";
import { controlSubjects } from "@claviger/shared/wire/subjects";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mintReplicaJwt } from "../../control-plane/src/fleet/accounts.ts";
import { enrol, issueEnrolmentToken } from "../../control-plane/src/fleet/enrolment.ts";
import { USER_JWT_SECONDS } from "../../control-plane/src/fleet/nats-jwt.ts";
import { accountOf } from "../../control-plane/src/fleet/senders.ts";
import {
  startCluster,
  type TestCluster,
  type TestProcess,
} from "../../control-plane/src/fleet/testing/control-plane.ts";
import { enrolmentKeys } from "../../control-plane/src/fleet/testing/fake-replica.ts";
import { createTestOrganization } from "../../control-plane/src/fleet/testing/organization.ts";
import { openFleetBus } from "../../control-plane/src/runtime/node/nats.ts";
import { createNatsCourier } from "../../gateway/src/runtime/node/nats-courier.ts";
import { until } from "./until.ts";

const LIFE_SECONDS = 8;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

let cluster: TestCluster;
let cp: TestProcess;
let bus: ReturnType<typeof openFleetBus>;

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start({ serve: false });
  bus = openFleetBus({
    servers: [cluster.nats.url],
    account: cp.keys.controlPlane,
    name: "slow",
    log: silent,
  });
  // Answers come late, so that some requests are always under way.
  bus.subscribe(controlSubjects.heartbeats, null, (message) => {
    setTimeout(() => message.respond("heard"), 150);
  });
  expect(await bus.within(20_000)).toBe(true);
});
afterAll(async () => {
  await bus?.close();
  await cluster?.stop();
});

/** A replica on the bus whose credentials end soon, and the way to make others of any life. */
async function attach() {
  const { orgId } = await createTestOrganization(cp.ports);
  const keys = enrolmentKeys();
  const token = await cp.ports.db.transaction((tx) =>
    issueEnrolmentToken(tx, cp.ports, { orgId, name: "eu-1", region: "eu", replicas: 1 }),
  );
  const { replicaId: replica, natsUrls: urls } = await enrol(cp.ports, {
    v: 1,
    token: token.secret,
    slot: "0",
    nkey: keys.publicKey,
    sealKey: keys.sealKey,
    runtime: "node",
  });
  const credentials = async (seconds: number) => {
    const nowMs = () => Date.now() - (USER_JWT_SECONDS - seconds) * 1000;
    const ports = { ...cp.ports, clock: { nowMs } };
    return (await mintReplicaJwt(cp.ports.db, ports, orgId, { id: replica, nkey: keys.publicKey })).jwt;
  };
  const seed = new TextDecoder().decode(keys.seed);
  const jwt = await credentials(LIFE_SECONDS);
  const courier = createNatsCourier({ urls, replica, jwt, seed }, silent);
  const turns: boolean[] = [];
  const heard: string[] = [];
  courier.onTurn((connected) => turns.push(connected));
  courier.listen({
    delta: (jws) => void heard.push(jws),
    poke: () => undefined,
    query: () => undefined,
    detached: () => undefined,
  });
  await until("the bus is joined", () => courier.connected);
  return { courier, orgId, turns, heard, credentials };
}

const beat = new TextEncoder().encode("beat");

/** Keeps requests under way over the bus for so long; resolves to how many were answered, and what went wrong. */
async function ask({ courier }: Awaited<ReturnType<typeof attach>>, ms: number) {
  const untilMs = performance.now() + ms;
  let answered = 0;
  const failures: unknown[] = [];
  const open: Promise<void>[] = [];
  while (performance.now() < untilMs) {
    const asked = courier.heartbeat(beat).then(
      () => void answered++,
      (error: unknown) => void failures.push(error),
    );
    open.push(asked);
    await pause(40);
  }
  await Promise.all(open);
  return { answered, failures };
}

test("control: credentials that nobody renews end the connection, and what was under way with it", async () => {
  const replica = await attach();
  const { answered, failures } = await ask(replica, (LIFE_SECONDS + 2) * 1_000);
  expect(answered).toBeGreaterThan(0);
  expect(failures.length).toBeGreaterThan(0);
  expect(replica.turns).toContain(false);
  await replica.courier.close();
});

test("renewed on a live bus, the replica never leaves it: no request is lost, and every change comes once", async () => {
  const replica = await attach();
  const asking = ask(replica, (LIFE_SECONDS + 4) * 1_000);
  await pause(1_000);
  replica.courier.useNatsJwt(await replica.credentials(600));
  // Twice is not twice as bad: an answer of the control plane may come again.
  replica.courier.useNatsJwt(await replica.credentials(600));
  await pause((LIFE_SECONDS + 1) * 1_000);
  const account = (await accountOf(cp.ports, replica.orgId)) ?? "";
  for (const jws of ["one", "two"]) bus.publish(controlSubjects.deltas(account), jws);
  const { answered, failures } = await asking;
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(50);
  await until("the changes are heard", () => replica.heard.length >= 2);
  expect(replica.heard).toEqual(["one", "two"]);
  await replica.courier.close();
});
