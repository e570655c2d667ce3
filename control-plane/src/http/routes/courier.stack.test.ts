import { courierHeaders, signCourierCall } from "@claviger/shared/wire/courier-call";
import { Fresh, SyncAnswer } from "@claviger/shared/wire/heartbeat";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { createVerify } from "@claviger/shared/wire/sign";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { createUser, fromSeed } from "@nats-io/nkeys";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type FakeReplica, startFakeReplica } from "../../fleet/testing/fake-replica.ts";
import {
  type Heard,
  makeKey,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../testing/api.ts";

let api: TestApi;
let tenant: Tenant;
let replica: FakeReplica;
let made = 0;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());
beforeEach(async () => {
  tenant = await makeTenant(api);
  replica = await startFakeReplica(api.ports, tenant.organizationId, `gw-${++made}`);
  replica.following = false;
});
afterEach(() => replica?.close());

interface Sent {
  method: string;
  path: string;
  body: string;
  headers: Record<string, string>;
}

/** A call signed by the replica, not yet made. */
async function sign(
  method: string,
  path: string,
  body = "",
  { by = replica.user, timeMs = Date.now(), nonce = crypto.randomUUID().replaceAll("-", "") } = {},
): Promise<Sent> {
  const content = { method, target: path, body: new TextEncoder().encode(body) };
  const signer = fromSeed(by.seed);
  const headers = await signCourierCall(content, { key: by.publicKey, timeMs, nonce }, (bytes) =>
    signer.sign(bytes),
  );
  return { method, path, body, headers };
}

function send({ method, path, body, headers }: Sent): Promise<Heard> {
  const json = body === "" ? {} : { "content-type": "application/json" };
  return api.call(method, path, { ...(body === "" ? {} : { raw: body }), headers: { ...json, ...headers } });
}

const codeOf = (heard: Heard) => {
  const { error } = heard.document as { error?: { code: string; type: string; message: string } };
  return `${heard.status} ${error?.code}`;
};

function heartbeat(change: object = {}): string {
  const { epoch, rev, chain } = replica.held;
  return JSON.stringify({
    v: 1,
    replica: replica.id,
    boot: "1.AAAAAAAAAAAA",
    nonce: crypto.randomUUID(),
    software: "fake",
    runtime: "node",
    wallMs: Date.now(),
    epoch,
    revApplied: rev,
    revEffective: rev,
    chain,
    usage: { nextSeq: 1 },
    audit: { n: 0, head: GENESIS_CHAIN },
    inflight: 0,
    requestsPerSecond: 0,
    aborted: [],
    clockOffsetMs: 0,
    clockErrorMs: 1,
    ...change,
  });
}

const beat = async (change: object = {}) => sign("POST", courierPaths.heartbeat, heartbeat(change));

async function freshOf(heard: Heard): Promise<Fresh> {
  const verify = await createVerify(replica.answer.verificationKeys);
  const payload = await verify("clv-fresh+jws", heard.text);
  return Fresh.parse(JSON.parse(new TextDecoder().decode(payload)));
}

/** A change that nobody waits for. */
const change = () =>
  api.call("POST", `/api/v1/projects/${tenant.projectId}/api-keys`, {
    token: tenant.token,
    body: resource("api-key", { name: "k" }),
    headers: { prefer: "wait=0" },
  });

const rowOf = async () => {
  const [row] = await api.ports.db.execute(sql`
    select epoch, rev_applied, rev_effective, boot_id, fresh_hi, last_seen from replica where id = ${replica.id}`);
  return row;
};

test("heartbeat, sync, pages and usage over HTTPS are the same envelopes as over the bus", async () => {
  const fresh = await freshOf(await send(await beat()));
  expect(fresh).toMatchObject({ replica: replica.id, org: tenant.organizationId, resync: true });
  const request = { v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN };
  const synced = await send(await sign("POST", courierPaths.sync, JSON.stringify(request)));
  const answer = SyncAnswer.parse(JSON.parse(synced.text));
  if (!("snapshot" in answer)) throw new Error("a new replica is given a snapshot");
  const { pages } = JSON.parse(Buffer.from(String(answer.snapshot.split(".")[1]), "base64url").toString());
  const page = await send(await sign("GET", courierPaths.page(pages[0])));
  expect(page.status).toBe(200);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(page.text));
  expect(Buffer.from(digest).toString("base64url")).toBe(pages[0]);
  const refused = {
    kind: "refused",
    seq: 1,
    keyId: "key_000000000000",
    code: "key_revoked",
    minuteMs: 0,
    n: 2,
  };
  const batch = JSON.stringify({ v: 1, events: [refused] });
  for (const _ of ["offered", "offered again"]) {
    const usage = await send(await sign("POST", courierPaths.usage, batch));
    expect(usage.document).toEqual({ cursor: 1 });
  }
  const empty = await send(await sign("POST", courierPaths.usage, JSON.stringify({ v: 1, events: [] })));
  expect(codeOf(empty)).toBe("400 invalid_value");
});

test("a call that is unsigned, signed by a stranger, or changed on its way is refused and changes nothing", async () => {
  const before = await rowOf();
  const stranger = await startFakeReplica(api.ports, (await makeTenant(api)).organizationId, "other");
  const call = await beat();
  const foreign = await sign("POST", courierPaths.heartbeat, heartbeat(), { by: stranger.user });
  const mixed = { ...foreign, headers: { ...foreign.headers, [courierHeaders.key]: replica.user.publicKey } };
  const unknown = createUser();
  const unenrolled = await sign("POST", courierPaths.heartbeat, heartbeat(), {
    by: { publicKey: unknown.getPublicKey(), seed: unknown.getSeed() },
  });
  const wrong: Sent[] = [
    { ...call, headers: {} },
    { ...call, body: call.body.replace('"inflight":0', '"inflight":1') },
    { ...call, path: courierPaths.sync },
    { ...call, path: `${courierPaths.page("A".repeat(43))}`, method: "GET", body: "" },
    mixed,
    unenrolled,
  ];
  for (const sent of wrong) expect(codeOf(await send(sent))).toBe("401 invalid_replica");
  expect(await rowOf()).toEqual(before);
  await stranger.close();
});

test("who calls is who signed: a heartbeat that names another replica counts for its signer, and pages of others are not there", async () => {
  const stranger = await startFakeReplica(api.ports, (await makeTenant(api)).organizationId, "other");
  const before = await rowOf();
  const call = await sign("POST", courierPaths.heartbeat, heartbeat({ replica: replica.id }), {
    by: stranger.user,
  });
  const verify = await createVerify(stranger.answer.verificationKeys);
  const payload = await verify("clv-fresh+jws", (await send(call)).text);
  const fresh = Fresh.parse(JSON.parse(new TextDecoder().decode(payload)));
  expect(fresh).toMatchObject({ replica: stranger.id, org: stranger.answer.organizationId });
  expect(await rowOf()).toEqual(before);
  const request = JSON.stringify({ v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN });
  await send(await sign("POST", courierPaths.sync, request));
  const [mine] = await api.ports.db.execute<{ sha256: string }>(
    sql`select sha256 from snapshot_page where org_id = ${tenant.organizationId}`,
  );
  const path = courierPaths.page(mine?.sha256 ?? "");
  expect((await send(await sign("GET", path))).status).toBe(200);
  expect(codeOf(await send(await sign("GET", path, "", { by: stranger.user })))).toBe("404 not_found");
  await stranger.close();
});

test("a recorded call is refused; one that is older than the memory is refused by its time", async () => {
  const call = await beat();
  expect((await send(call)).status).toBe(200);
  const before = await rowOf();
  expect(codeOf(await send(call))).toBe("409 replica_call_repeated");
  const old = await sign("POST", courierPaths.heartbeat, heartbeat(), { timeMs: Date.now() - 301_000 });
  expect(codeOf(await send(old))).toBe("401 replica_clock");
  expect(await rowOf()).toEqual(before);
});

test("a replica with a wrong clock is told the time and is heard when it signs with it", async () => {
  const wrong = await sign("POST", courierPaths.heartbeat, heartbeat(), { timeMs: 1_000_000 });
  const heard = await send(wrong);
  expect(codeOf(heard)).toBe("401 replica_clock");
  const timeMs = Number(heard.headers.get(courierHeaders.time));
  // However long the answer took, it is this hour and not the one that was claimed.
  expect(Math.abs(timeMs - Date.now())).toBeLessThan(60_000);
  expect((await send(await sign("POST", courierPaths.heartbeat, heartbeat(), { timeMs }))).status).toBe(200);
});

test("a detached replica is nobody from then on, also while it waits", async () => {
  await send(await beat());
  const { rev } = await freshOf(await send(await beat())).then(({ asOf }) => ({ rev: asOf }));
  const wait = await sign("GET", `${courierPaths.wait}?revision=1.${rev}`);
  const held = send(wait);
  await api.call("DELETE", `/api/v1/gateways/${replica.answer.gatewayId}`, {
    token: tenant.token,
    headers: { prefer: "wait=0" },
  });
  expect((await held).document).toEqual({ poke: true });
  for (const call of [await beat(), await sign("GET", `${courierPaths.wait}?revision=0.0`)]) {
    expect(codeOf(await send(call))).toBe("401 invalid_replica");
  }
});

test("of two processes of one replica the older is told that it is", async () => {
  expect((await send(await beat({ boot: "2.AAAAAAAAAAAA" }))).status).toBe(200);
  expect(codeOf(await send(await beat({ boot: "1.AAAAAAAAAAAA" })))).toBe("409 replica_conflict");
});

test("a body that is too large, not JSON, or not a heartbeat is refused in the gateway's shape", async () => {
  const large = await sign("POST", courierPaths.usage, `{"v":1,"pad":"${"x".repeat(1_100_000)}"}`);
  expect(codeOf(await send(large))).toBe("413 request_too_large");
  expect(codeOf(await send(await sign("POST", courierPaths.sync, "{")))).toBe("400 invalid_json");
  expect(codeOf(await send(await beat({ v: 2 })))).toBe("400 invalid_value");
  expect(codeOf(await send(await sign("GET", `${courierPaths.wait}?revision=x`)))).toBe("400 invalid_value");
  expect(codeOf(await send(await sign("PUT", courierPaths.heartbeat)))).toBe("405 method_not_allowed");
});

test("a wait ends with the next change of its own organization, at once when there was one, and with no other", async () => {
  const [head] = await api.ports.db.execute<{ epoch: number; rev: string }>(
    sql`select epoch, rev from org_head where org_id = ${tenant.organizationId}`,
  );
  const path = `${courierPaths.wait}?revision=${head?.epoch}.${head?.rev}`;
  let ended = false;
  const reads = vi.spyOn(api.ports.db, "execute");
  const held = send(await sign("GET", path)).finally(() => {
    ended = true;
  });
  await vi.waitFor(() => expect(reads).toHaveBeenCalled(), { timeout: 30_000 });
  await makeKey(api, await makeTenant(api));
  expect(ended).toBe(false);
  reads.mockRestore();
  await change();
  // Who was not woken hears false, in the end.
  expect((await held).document).toEqual({ poke: true });
  expect((await send(await sign("GET", path))).document).toEqual({ poke: true });
});

test("bus credentials that ran out are renewed over HTTPS", async () => {
  await api.ports.db.execute(
    sql`update replica set nats_jwt_expires_at = clock_timestamp() - interval '3 days' where id = ${replica.id}`,
  );
  const fresh = await freshOf(await send(await beat()));
  const claims = JSON.parse(Buffer.from(String(fresh.natsJwt?.split(".")[1]), "base64url").toString());
  expect(claims).toMatchObject({ sub: replica.user.publicKey, name: replica.id });
  expect(claims.exp * 1000).toBeGreaterThan(Date.now() + 3_600_000);
});
