import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findFreePort } from "../../../../infra/local/ports.ts";
import { issueEnrolmentToken } from "../../fleet/enrolment.ts";
import { awaitOperation } from "../../fleet/operations.ts";
import { KEK, startCluster, type TestCluster, type TestProcess } from "../../fleet/testing/control-plane.ts";
import { connectFakeReplica, enrolmentKeys, startFakeReplica } from "../../fleet/testing/fake-replica.ts";
import { createTestOrganization, putTestKey, testKey } from "../../fleet/testing/organization.ts";

const MAIN = resolve(import.meta.dirname, "main.ts");

let cluster: TestCluster;
/** Writes as a verb would; answers no replica. */
let writer: TestProcess;

beforeAll(async () => {
  cluster = await startCluster();
  writer = await cluster.start({ serve: false });
});
afterAll(async () => {
  await cluster?.stop();
});

interface Spawned {
  child: ChildProcess;
  output(): string;
  /** Resolves when a line with this text has been printed, rejects when the process ends before. */
  printed(text: string): Promise<void>;
}

function spawnMain(environment: Record<string, string>): Spawned {
  const child = spawn(process.execPath, [MAIN], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      output += String(chunk);
      for (const look of watchers) look();
    });
  }
  return {
    child,
    output: () => output,
    printed: (text) =>
      new Promise((found, reject) => {
        const look = () => {
          if (output.includes(text)) found();
        };
        watchers.add(look);
        child.once("exit", () => reject(new Error(`ended before it printed "${text}":\n${output}`)));
        look();
      }),
  };
}

async function environment(change: Record<string, string> = {}): Promise<Record<string, string>> {
  const port = await findFreePort();
  return {
    DATABASE_URL: cluster.databaseUrl,
    NATS_URL: cluster.nats.url,
    CLAVIGER_NATS_PUBLIC_URLS: cluster.nats.url,
    CLAVIGER_KEK: Buffer.from(KEK).toString("base64"),
    CLAVIGER_OPERATOR_TOKEN: "operator-token-of-the-test-0123456789",
    CLAVIGER_PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    HOST: "127.0.0.1",
    ...change,
  };
}

test("a process enrols a replica over HTTP, answers its heartbeats, completes a barrier, and ends on SIGTERM", async () => {
  const env = await environment();
  const main = spawnMain(env);
  await main.printed("control plane ready");
  const { orgId, projectId } = await createTestOrganization(writer.ports);
  const request = { orgId, name: "eu-1", region: "eu", replicas: 1 };
  const token = await writer.ports.db.transaction((tx) => issueEnrolmentToken(tx, writer.ports, request));
  const keys = enrolmentKeys();
  const enrolled = await fetch(`${env.CLAVIGER_PUBLIC_URL}/gateway/v1/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      v: 1,
      token: token.secret,
      slot: "0",
      nkey: keys.publicKey,
      sealKey: keys.sealKey,
      runtime: "node",
    }),
  });
  expect(enrolled.status).toBe(200);
  const replica = await connectFakeReplica((await enrolled.json()) as never, keys);
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  const change = await putTestKey(writer.ports, orgId, testKey(projectId), "giving");
  const view = await awaitOperation(writer.ports, orgId, change.operationId, 5_000);
  expect(view).toMatchObject({ status: "confirmed", gateways: [{ name: "eu-1", state: "confirmed" }] });
  await replica.close();
  const exit = once(main.child, "exit");
  main.child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});

test("a bad setting stops the start with one line that names it", async () => {
  const main = spawnMain(await environment({ CLAVIGER_KEK: "too-short" }));
  expect(await once(main.child, "exit")).toEqual([1, null]);
  expect(main.output()).toBe("CLAVIGER_KEK must be 32 bytes as base64\n");
});

test("another key-encryption key than the cluster's stops the start", async () => {
  const main = spawnMain(await environment({ CLAVIGER_KEK: Buffer.alloc(32, 9).toString("base64") }));
  expect(await once(main.child, "exit")).toEqual([1, null]);
  // One line, and nothing of a start before it.
  expect(main.output()).toMatch(
    /^control plane cannot start: .*was not wrapped under this key-encryption key \(CLAVIGER_KEK\)\n$/,
  );
});

test("killing one of two processes loses no change: the other one takes heartbeats in and relays", async () => {
  const [first, second] = [spawnMain(await environment()), spawnMain(await environment())];
  await Promise.all([first.printed("control plane ready"), second.printed("control plane ready")]);
  const { orgId, projectId } = await createTestOrganization(writer.ports);
  const replica = await startFakeReplica(writer.ports, orgId, "eu-1");
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  for (let i = 0; i < 6; i++) {
    if (i === 2) first.child.kill("SIGKILL");
    const made = await putTestKey(writer.ports, orgId, testKey(projectId), "giving");
    for (;;) {
      const view = await awaitOperation(writer.ports, orgId, made.operationId, 1_000);
      if (view.status === "confirmed") break;
      // The killed process may have had the heartbeat: a replica asks again.
      await replica.beat({}, 1).catch(() => undefined);
    }
  }
  await replica.close();
  const exit = once(second.child, "exit");
  second.child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});

test("told to stop, a process answers the call that waits for the fleet with how far it is", async () => {
  const env = await environment();
  const main = spawnMain(env);
  await main.printed("control plane ready");
  const call = async (path: string, token: string, attributes: [string, object], headers: object = {}) => {
    const response = await fetch(`${env.CLAVIGER_PUBLIC_URL}/api/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ data: { type: attributes[0], attributes: attributes[1] } }),
    });
    return { response, document: (await response.json()) as Answered };
  };
  const signIn = { email: "stop@example.com", password: "correct horse battery" };
  const admin = { name: "Stops", adminEmail: signIn.email, adminPassword: signIn.password };
  const organization = await call("/organizations", env.CLAVIGER_OPERATOR_TOKEN!, ["organization", admin]);
  const session = await fetch(`${env.CLAVIGER_PUBLIC_URL}/api/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { type: "session", attributes: signIn } }),
  });
  const [cookie = ""] = (session.headers.get("set-cookie") ?? "").split(";");
  const response = await fetch(`${env.CLAVIGER_PUBLIC_URL}/api/v1/personal-access-tokens`, {
    method: "POST",
    headers: { "content-type": "application/json", cookie },
    body: JSON.stringify({ data: { type: "personal-access-token", attributes: { name: "t" } } }),
  });
  const token = ((await response.json()) as Answered).meta.secretKey;
  const project = await call("/projects", token, ["project", { name: "Main" }]);
  const replica = await startFakeReplica(writer.ports, organization.document.data.id, "eu-1");
  await replica.catchUp();
  await replica.beat();
  replica.following = false;
  const path = `/projects/${project.document.data.id}/api-keys`;
  const waiting = call(path, token, ["api-key", { name: "waits" }], { prefer: "wait=60" });
  await expect
    .poll(async () => (await writer.ports.db.execute("select 1 from api_key where name = 'waits'")).length)
    .toBe(1);
  const exit = once(main.child, "exit");
  main.child.kill("SIGTERM");
  const answer = await waiting;
  expect([answer.response.status, answer.document.meta.operation?.status]).toEqual([201, "pending"]);
  expect(await exit).toEqual([0, null]);
  await replica.close();
});

interface Answered {
  data: { id: string };
  meta: { secretKey: string; operation?: { status: string } };
}
