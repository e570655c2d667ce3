import { DETACHED_HEADER, signCourierCall } from "@claviger/shared/wire/courier-call";
import { claimsDetached } from "@claviger/shared/wire/detached";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify } from "@claviger/shared/wire/sign";
import { courierPaths, replicaSubjects } from "@claviger/shared/wire/subjects";
import { fromSeed } from "@nats-io/nkeys";
import { sql } from "drizzle-orm";
import { compactDecrypt, decodeProtectedHeader, importJWK } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sealCredential } from "../fleet/data-key.ts";
import { refusalsOf } from "../fleet/refusals.ts";
import { rotateDataKeys } from "../fleet/rotate-data-key.ts";
import { enrolFakeReplica, type FakeReplica, startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { type Heard, makeKey, makeTenant, startApi, type TestApi } from "../http/testing/api.ts";
import { sign } from "../http/testing/courier-calls.ts";

let api: TestApi;
const replicas: FakeReplica[] = [];

beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await api?.stop();
});

test("a detached gateway does not come back by what is left of its token, also when its name is used again", async () => {
  const tenant = await makeTenant(api);
  const body = { name: "eu-1", region: "eu-central", replicas: 3 };
  const makeEnrolmentToken = () =>
    api.call("POST", "/api/v1/gateways/enrolment-tokens", { token: tenant.token, body });
  const { secretKey } = await makeEnrolmentToken();
  const first = await enrolFakeReplica(api.ports, secretKey);
  replicas.push(first);
  await api.call("DELETE", `/api/v1/gateways/${first.answer.gatewayId}`, { token: tenant.token });
  await expect(enrolFakeReplica(api.ports, secretKey)).rejects.toMatchObject({ code: "enrolment_expired" });
  const next = await makeEnrolmentToken();
  await expect(enrolFakeReplica(api.ports, secretKey)).rejects.toMatchObject({ code: "enrolment_expired" });
  replicas.push(await enrolFakeReplica(api.ports, next.secretKey));
});

test("what is taken away after a detachment is answered at once, and says until when the detached one may go on", async () => {
  const tenant = await makeTenant(api);
  const body = { name: "eu-1", region: "eu-central" };
  const token = await api.call("POST", "/api/v1/gateways/enrolment-tokens", { token: tenant.token, body });
  const replica = await enrolFakeReplica(api.ports, token.secretKey);
  replicas.push(replica);
  await replica.beat();
  await replica.catchUp();
  await replica.beat();
  const made = await makeKey(api, tenant);
  const detached = await timed(() =>
    api.call("DELETE", `/api/v1/gateways/${replica.answer.gatewayId}`, {
      token: tenant.token,
      headers: WAIT,
    }),
  );
  const revoked = await timed(() =>
    api.call("POST", `/api/v1/api-keys/${made.resource.id}/revoke`, {
      token: tenant.token,
      body: {},
      headers: WAIT,
    }),
  );
  for (const { heard, ms } of [detached, revoked]) {
    // Less than the 50 s that the caller would have waited, the most there is; it takes some milliseconds.
    expect(ms).toBeLessThan(45_000);
    expect(heard.status).toBe(202);
    expect(heard.meta.operation).toMatchObject({
      status: "pending",
      safeBy: expect.stringMatching(/Z$/),
      gateways: [{ name: "eu-1", state: "unreachable" }],
    });
  }
});

test("a detached replica hears so, signed: before the bus cuts it off, and on each call that its key still signs", async () => {
  const tenant = await makeTenant(api);
  const [gone, other] = [
    await startFakeReplica(api.ports, tenant.organizationId, "eu-1"),
    await startFakeReplica(api.ports, tenant.organizationId, "us-1"),
  ];
  replicas.push(gone, other);
  for (const replica of [gone, other])
    expect(await callOf(replica)).toEqual({ status: 200, said: undefined });
  const heard: string[] = [];
  const inbox = gone.connection.subscribe(replicaSubjects.own(gone.id), {
    callback: (_, message) => void heard.push(message.string()),
  });
  await gone.connection.flush();
  const cutOff = (async () => {
    for await (const status of gone.connection.status()) if (status.type === "disconnect") return;
  })();
  await api.call("DELETE", `/api/v1/gateways/${gone.answer.gatewayId}`, {
    token: tenant.token,
    headers: { prefer: "wait=0" },
  });
  await cutOff;
  inbox.unsubscribe();
  const statement = heard.find(claimsDetached);
  const said = { v: 1, org: tenant.organizationId, replica: gone.id, atMs: expect.any(Number) };
  expect(await readStatement(gone, statement)).toEqual(said);
  expect(await callOf(gone)).toEqual({ status: 401, said });
  expect(await callOf(other)).toEqual({ status: 200, said: undefined });
});

test("a replica that the database lost is not called detached: nobody decided that", async () => {
  const tenant = await makeTenant(api);
  const replica = await startFakeReplica(api.ports, tenant.organizationId, "eu-1");
  replicas.push(replica);
  await api.ports.db.execute(sql`delete from replica where id = ${replica.id}`);
  expect(await callOf(replica)).toEqual({ status: 401, said: undefined });
});

async function readStatement({ answer }: FakeReplica, jws: string | null | undefined): Promise<unknown> {
  if (jws == null) return undefined;
  const verify = await createVerify(answer.verificationKeys);
  return JSON.parse(new TextDecoder().decode(await verify("clv-detached+jws", jws)));
}

/** A call of the HTTPS courier, and what it hears of a detachment. */
async function callOf(replica: FakeReplica): Promise<{ status: number; said: unknown }> {
  const raw = JSON.stringify({ v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN });
  const content = { method: "POST", target: courierPaths.sync, body: new TextEncoder().encode(raw) };
  const nonce = crypto.randomUUID().replaceAll("-", "");
  const caller = { key: replica.user.publicKey, timeMs: Date.now(), nonce };
  const signed = await signCourierCall(content, caller, (bytes) => fromSeed(replica.user.seed).sign(bytes));
  const headers = { "content-type": "application/json", ...signed };
  const heard = await api.call("POST", courierPaths.sync, { raw, headers });
  return {
    status: heard.status,
    said: await readStatement(replica, heard.headers.get(DETACHED_HEADER)),
  };
}

const WAIT = { prefer: "wait=50" };

async function timed(work: () => Promise<Heard>): Promise<{ heard: Heard; ms: number }> {
  const start = performance.now();
  return { heard: await work(), ms: performance.now() - start };
}

const REFUSAL = {
  kind: "refused",
  seq: 1,
  keyId: "key_000000000000",
  code: "key_revoked",
  minuteMs: 0,
  n: 1,
};

/** One good call of each kind, with a page that the organization has. */
async function callsOf(replica: FakeReplica) {
  await replica.beat();
  await replica.catchUp();
  const [page] = await api.ports.db.execute<{ sha256: string }>(sql`
    select p.sha256 from snapshot_page p join replica r using (org_id) where r.id = ${replica.id}`);
  const sha256 = page?.sha256 ?? "";
  const { id } = replica;
  return {
    heartbeat: {
      subject: replicaSubjects.heartbeat(id),
      path: courierPaths.heartbeat,
      raw: replica.heartbeat(),
    },
    sync: {
      subject: replicaSubjects.sync(id),
      path: courierPaths.sync,
      raw: JSON.stringify({ v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN }),
    },
    page: {
      subject: replicaSubjects.page(id),
      path: courierPaths.page(sha256),
      raw: JSON.stringify({ sha256 }),
    },
    usage: {
      subject: replicaSubjects.usage(id),
      path: courierPaths.usage,
      raw: JSON.stringify({ v: 1, events: [REFUSAL] }),
    },
  };
}

/** What each of them is answered over the connection that it still has, and over HTTPS. */
async function heardOnBoth(replica: FakeReplica, calls: Awaited<ReturnType<typeof callsOf>>) {
  const before = refusedOverBus();
  const inbox = `_INBOX.${replica.id}.late`;
  const bus: string[] = [];
  const subscription = replica.connection.subscribe(inbox, {
    callback: (_, message) => void bus.push(message.string()),
  });
  const https: Record<string, number> = {};
  for (const [name, { subject, path, raw }] of Object.entries(calls)) {
    replica.connection.publish(subject, raw, { reply: inbox });
    const isGet = name === "page";
    const call = { method: isGet ? "GET" : "POST", path, body: isGet ? "" : raw };
    const signed = await sign(call, replica.user);
    const headers = { ...(isGet ? {} : { "content-type": "application/json" }), ...signed.headers };
    https[name] = (await api.call(call.method, path, { ...(isGet ? {} : { raw }), headers })).status;
  }
  const refused = () => refusedOverBus() - before;
  await expect.poll(() => bus.length + refused(), { timeout: 30_000 }).toBe(4);
  subscription.unsubscribe();
  return { bus, https, refused: refused() };
}

const refusedOverBus = () =>
  refusalsOf(api.ports)
    .filter(({ courier }) => courier === "bus")
    .reduce((sum, { n }) => sum + n, 0);

test("whoever is no longer attached is nobody over a bus connection that still stands, as over HTTPS", async () => {
  const tenant = await makeTenant(api);
  const replica = await startFakeReplica(api.ports, tenant.organizationId, "eu-1");
  replicas.push(replica);
  await makeKey(api, tenant);
  const calls = await callsOf(replica);
  const OK = { heartbeat: 200, sync: 200, page: 200, usage: 200 };
  const NOBODY = { heartbeat: 401, sync: 401, page: 401, usage: 401 };
  const usageOf = async () =>
    (await api.ports.db.execute(sql`select seq from usage_event where replica_id = ${replica.id}`)).length;
  // Control: while it is attached each call is answered on both ways.
  const attached = await heardOnBoth(replica, calls);
  expect(attached).toMatchObject({ https: OK, refused: 0 });
  expect(attached.bus).toHaveLength(4);
  await api.ports.db.execute(sql`delete from usage_event where replica_id = ${replica.id}`);
  await api.ports.db.execute(sql`delete from replica_cursor where replica_id = ${replica.id}`);
  await api.ports.db.execute(sql`update replica set gone_at = clock_timestamp() where id = ${replica.id}`);
  const detached = await heardOnBoth(replica, calls);
  expect(detached).toMatchObject({ https: NOBODY, refused: 3 });
  // The one word that it hears is that it is detached.
  expect(detached.bus.map(claimsDetached)).toEqual([true]);
  expect(await usageOf()).toBe(0);
  await api.ports.db.execute(sql`delete from replica where id = ${replica.id}`);
  expect(await heardOnBoth(replica, calls)).toEqual({ bus: [], https: NOBODY, refused: 4 });
  expect(await usageOf()).toBe(0);
});

test("a detachment rotates the data key: who remains gets the new one, and what is sealed then does not open with the one that the detached had", async () => {
  const tenant = await makeTenant(api);
  const orgId = tenant.organizationId;
  const gone = await startFakeReplica(api.ports, orgId, "eu-1");
  const stays = await startFakeReplica(api.ports, orgId, "us-1");
  replicas.push(gone, stays);
  for (const replica of [gone, stays]) {
    await replica.beat();
    await replica.catchUp();
    await replica.beat();
  }
  const credential = {
    orgId,
    id: "llm_000000000001",
    version: 1,
    provider: "openai",
    host: "api.openai.com",
  };
  const seal = () =>
    api.ports.db.transaction((tx) => sealCredential(tx, api.ports, { ...credential, secret: "sk-canary" }));
  const before = await seal();
  const idsOf = (jwes: readonly string[] = []) => jwes.map((jwe) => decodeProtectedHeader(jwe).dek_id);
  expect(idsOf(gone.answer.dataKeys)).toEqual([before.dataKeyId]);
  await api.call("DELETE", `/api/v1/gateways/${gone.answer.gatewayId}`, {
    token: tenant.token,
    headers: { prefer: "wait=0" },
  });
  const { dataKeys = [] } = await stays.beat();
  expect(idsOf(dataKeys)).toEqual([before.dataKeyId, expect.stringMatching(/^dek_/)]);
  // Three heartbeats later.
  await rotateDataKeys(api.ports, 0);
  const after = await seal();
  expect(after.dataKeyId).not.toBe(before.dataKeyId);
  expect(idsOf(dataKeys)[1]).toBe(after.dataKeyId);
  const open = async (replica: FakeReplica, jwe: string | undefined) => {
    const jwk = await importJWK(replica.sealPrivateKey, "ECDH-ES+A256KW");
    const { plaintext } = await compactDecrypt(jwe ?? "", jwk);
    const key = await crypto.subtle.importKey("raw", new Uint8Array(plaintext), "AES-GCM", false, [
      "decrypt",
    ]);
    const iv = Buffer.from(after.iv, "base64url");
    const additionalData = new TextEncoder().encode(`${orgId}|${credential.id}|1|openai|api.openai.com`);
    const ciphertext = Buffer.from(after.ciphertext, "base64url");
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, ciphertext);
    return new TextDecoder().decode(plain);
  };
  expect(await open(stays, dataKeys[1])).toBe("sk-canary");
  await expect(open(gone, gone.answer.dataKeys[0])).rejects.toThrow();
  await expect(open(stays, dataKeys[0])).rejects.toThrow();
});
