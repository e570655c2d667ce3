/** The checks of `nats-acl.mjs` on the accounts that this control plane makes (PROTOCOL §6 E5), with their control run. */
import { jwtAuthenticator, type NatsConnection } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";
import { connect } from "@nats-io/transport-node";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { orgAccount } from "../db/tables/org-account.ts";
import { replica as replicaTable } from "../db/tables/replica.ts";
import { revokeUsers } from "./accounts.ts";
import { controlPlaneAccountJwt, organizationAccountJwt, ownUserJwt } from "./nats-jwt.ts";
import { nkeyOf } from "./nkey.ts";
import { KEK, startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "./testing/organization.ts";

let cluster: TestCluster;
let cp: TestProcess;
let a: { orgId: string; projectId: string; account: string };
let b: { orgId: string; projectId: string; account: string };
let a1: FakeReplica;
let a2: FakeReplica;
let b1: FakeReplica;

async function organization() {
  const made = await createTestOrganization(cp.ports);
  const [row] = await cp.ports.db.select().from(orgAccount).where(eq(orgAccount.orgId, made.orgId));
  return { ...made, account: row?.account ?? "" };
}

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
  a = await organization();
  b = await organization();
  a1 = await startFakeReplica(cp.ports, a.orgId, "a-1");
  a2 = await startFakeReplica(cp.ports, a.orgId, "a-2");
  b1 = await startFakeReplica(cp.ports, b.orgId, "b-1");
});
afterAll(async () => {
  await Promise.all([a1, a2, b1].map((replica) => replica?.close()));
  await cluster?.stop();
});

/** Subjects that the server refused while `act` ran; every refusal has arrived when a round trip is done. */
async function refusals(connection: NatsConnection, act: () => void): Promise<string[]> {
  const refused: string[] = [];
  void (async () => {
    for await (const event of connection.status()) {
      if (event.type === "error") refused.push(event.error.message);
    }
  })();
  act();
  await connection.flush();
  await connection.flush();
  return refused.map((message) => /"([^"]+)"/.exec(message)?.[1] ?? message);
}

test("T1 organization and replica in a heartbeat's subject are the server's stamp", async () => {
  const fresh = await a1.beat({ replica: b1.id });
  expect(fresh).toMatchObject({ org: a.orgId, replica: a1.id });
});

test("T2 and T8 a replica cannot speak as another, forge a delta, or reach system and JetStream subjects", async () => {
  const subjects = [
    `up.${a2.id}.hb`,
    `up.${a2.id}.use`,
    `up.${b1.id}.hb`,
    `up.${b.account}.${b1.id}.hb`,
    `dn.${a.account}.d`,
    `dn.${b.account}.d`,
    "dn.d",
    `dn.gw.${a2.id}`,
    "$JS.API.STREAM.NAMES",
    "$JS.API.INFO",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.CLAIMS.UPDATE",
  ];
  const refused = await refusals(a1.connection, () => {
    for (const subject of subjects) a1.connection.publish(subject, "{}");
  });
  expect(refused.sort()).toEqual([...subjects].sort());
});

test("T3 and T4 a change reaches the organization's replicas and nobody else", async () => {
  const heard = { a1: 0, a2: 0, b1: 0 };
  for (const [name, { connection }] of Object.entries({ a1, a2, b1 })) {
    connection.subscribe("dn.d", {
      callback: () => {
        heard[name as keyof typeof heard]++;
      },
    });
    await connection.flush();
  }
  await putTestKey(cp.ports, a.orgId, testKey(a.projectId), "giving");
  await putTestKey(cp.ports, b.orgId, testKey(b.projectId), "giving");
  // A request to the control plane comes back over the same connection, after what was published before it.
  for (const replica of [a1, a2, b1]) await replica.beat();
  for (const replica of [a1, a2, b1]) await replica.beat();
  expect(heard).toEqual({ a1: 1, a2: 1, b1: 1 });
});

test("T5 every subscription to somebody else's subjects is refused", async () => {
  const subjects = [
    ">",
    "dn.>",
    "dn.*",
    "dn.gw.*",
    `dn.gw.${a2.id}`,
    `dn.gw.${b1.id}`,
    "up.>",
    `up.${a1.id}.hb`,
    `up.${a2.id}.>`,
    `_INBOX.${a2.id}.>`,
    "_INBOX.>",
    "_INBOX.*.>",
    "$SYS.>",
    "$JS.>",
    "$SRV.>",
    `dn.${b.account}.d`,
    `dn.${b.account}.>`,
  ];
  const refused = await refusals(a1.connection, () => {
    for (const subject of subjects) a1.connection.subscribe(subject, { callback: () => undefined });
  });
  expect(refused.sort()).toEqual([...subjects].sort());
});

/** A user of organization B's account itself, without the template, after B was given an import of A's deltas. */
async function heardThroughForeignImport(): Promise<string[]> {
  const [row] = await cp.ports.db.select().from(orgAccount).where(eq(orgAccount.orgId, b.orgId));
  if (row === undefined) throw new Error("no account");
  const seed = await cp.ports.vault.unwrap(row.accountSeed, `org_account|${b.orgId}|account`);
  const iat = Math.floor(Date.now() / 1000);
  const evil = withImport(
    organizationAccountJwt(
      cp.keys.operator,
      cp.keys.controlPlane.publicKey,
      { ...row, revocations: {} },
      iat,
    ),
    { name: "evil", subject: `dn.${a.account}.>`, type: "stream", local_subject: "evil.>" },
  );
  await cp.accounts.update(evil);
  const user = createUser();
  const jwt = ownUserJwt(nkeyOf("account", seed), user.getPublicKey(), "anybody", iat);
  const connection = await connect({
    servers: cluster.nats.url,
    authenticator: jwtAuthenticator(jwt, user.getSeed()),
  });
  const heard: string[] = [];
  connection.subscribe("evil.>", {
    callback: (_error, message) => {
      heard.push(message.string());
    },
  });
  await connection.flush();
  const { rev } = await putTestKey(cp.ports, a.orgId, testKey(a.projectId), "giving");
  while ((await a1.beat()).asOf < rev) await a1.connection.flush();
  await connection.flush();
  await connection.close();
  await cp.accounts.update(row.jwt);
  return heard;
}

/** Signs the same claims again with one more import and the limit to allow it. */
function withImport(jwt: string, extra: object): string {
  const [head, body] = jwt.split(".");
  const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString());
  claims.nats.imports.push({ ...extra, account: cp.keys.controlPlane.publicKey });
  claims.nats.limits.imports = -1;
  const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${text}.${Buffer.from(cp.keys.operator.sign(Buffer.from(text))).toString("base64url")}`;
}

test("T9 an import of a foreign organization delivers nothing, even from a signed account JWT", async () => {
  expect(await heardThroughForeignImport()).toEqual([]);
});

test("T9 control: without account_token_position the foreign change does arrive", async () => {
  const iat = Math.floor(Date.now() / 1000) + 1;
  const jwt = controlPlaneAccountJwt(cp.keys.operator, cp.keys.controlPlane.publicKey, iat);
  const [head, body] = jwt.split(".");
  const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString());
  for (const exported of claims.nats.exports) delete exported.account_token_position;
  const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  const open = `${text}.${Buffer.from(cp.keys.operator.sign(Buffer.from(text))).toString("base64url")}`;
  await cp.accounts.update(open);
  const heard = await heardThroughForeignImport();
  await cp.accounts.update(jwt);
  expect(heard).toHaveLength(1);
});

test("T10 and T11 a revoked replica's live connection is dropped and cannot come back; its neighbour stays", async () => {
  const disconnected = (async () => {
    for await (const event of a2.connection.status()) {
      if (event.type === "disconnect" || event.type === "close") return;
    }
  })();
  const [row] = await cp.ports.db.select().from(replicaTable).where(eq(replicaTable.id, a2.id));
  const start = performance.now();
  await cp.ports.db.transaction((tx) => revokeUsers(tx, cp.ports, a.orgId, [row?.nkey ?? ""]));
  await disconnected;
  process.stdout.write(`a revoked replica was cut off after ${(performance.now() - start).toFixed(0)} ms\n`);
  const again = connect({
    servers: cluster.nats.url,
    authenticator: jwtAuthenticator(a2.answer.natsJwt, a2.user.seed),
    reconnect: false,
  });
  await expect(again).rejects.toThrow(/Authorization/i);
  expect((await a1.beat()).replica).toBe(a1.id);
});

test("the key-encryption key stands in no server file", async () => {
  const { readdirSync, readFileSync, statSync } = await import("node:fs");
  const { join } = await import("node:path");
  const files = readdirSync(cluster.nats.dir, { recursive: true }).map((name) =>
    join(cluster.nats.dir, String(name)),
  );
  const texts = files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file, "utf8"));
  expect(texts.length).toBeGreaterThan(2);
  expect(texts.some((text) => text.includes(Buffer.from(KEK).toString("base64")))).toBe(false);
});
