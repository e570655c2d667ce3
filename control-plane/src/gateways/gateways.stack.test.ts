import type { Query } from "@claviger/shared/wire/query";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { answerQueries } from "../fleet/testing/answer-queries.ts";
import { enrolFakeReplica, type FakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeKey, makeMember, makeTenant, startApi, type Tenant, type TestApi } from "../http/testing/api.ts";

let api: TestApi;
const replicas: FakeReplica[] = [];

beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await api?.stop();
});

async function attach(tenant: Tenant, name: string): Promise<FakeReplica> {
  const token = await api.call("POST", "/api/v1/gateways/enrolment-tokens", {
    token: tenant.token,
    body: { name, region: "eu-central" },
  });
  expect(token.status).toBe(201);
  const replica = await enrolFakeReplica(api.ports, token.secretKey);
  await replica.beat();
  await replica.catchUp();
  await replica.beat({ requestsPerSecond: 2.5, clockOffsetMs: -3, clockErrorMs: 1 });
  replicas.push(replica);
  return replica;
}

test("a gateway exists from its token on, and shows what its heartbeat said", async () => {
  const tenant = await makeTenant(api);
  const token = await api.call("POST", "/api/v1/gateways/enrolment-tokens", {
    token: tenant.token,
    body: { name: "eu-1", region: "eu-central", replicas: 2 },
  });
  expect(token.resource).toMatchObject({
    type: "enrolment-token",
    attributes: { name: "eu-1", region: "eu-central", replicas: 2 },
  });
  expect(token.secretKey).toMatch(/^clvt_/);
  const list = () => api.call("GET", "/api/v1/gateways", { token: tenant.token });
  expect((await list()).resources[0]?.attributes).toMatchObject({
    name: "eu-1",
    status: "pending",
    replicas: [],
  });
  const replica = await enrolFakeReplica(api.ports, token.secretKey);
  await replica.beat();
  await replica.catchUp();
  await replica.beat({ requestsPerSecond: 2.5, clockOffsetMs: -3, clockErrorMs: 1 });
  replicas.push(replica);
  const [gateway] = (await list()).resources;
  const revision = `1.${replica.held.rev}`;
  expect(gateway?.attributes).toMatchObject({
    status: "online",
    runtime: "node",
    version: "fake",
    revision,
    revisionWanted: revision,
    requestsPerSecond: 2.5,
    clockOffsetMs: -3,
    clockErrorMs: 1,
    replicas: [{ id: replica.id, slot: "0", status: "online", revision, clockErrorMs: 1, problem: null }],
  });
  const read = await api.call("GET", `/api/v1/gateways/${gateway?.id}`, { token: tenant.token });
  expect(read.resource.attributes).toMatchObject({ name: "eu-1", status: "online" });
  await api.ports.db.execute(
    sql`update replica set last_seen = now() - interval '16 seconds' where id = ${replica.id}`,
  );
  expect((await list()).resources[0]?.attributes.status).toBe("degraded");
  await replica.beat({ bye: true });
  expect((await list()).resources[0]?.attributes.status).toBe("down");
});

test("wrong input makes no gateway, and roles and tenants keep theirs", async () => {
  const tenant = await makeTenant(api);
  const stranger = await makeTenant(api);
  const viewer = await makeMember(api, tenant, "viewer");
  const post = (body: object, token = tenant.token) =>
    api.call("POST", "/api/v1/gateways/enrolment-tokens", { token, body });
  expect((await post({ name: "Bad Name", region: "eu" })).refusal).toBe("400 invalid_value /name");
  expect((await post({ name: "eu-1", region: "eu", replicas: 65 })).refusal).toBe(
    "400 invalid_value /replicas",
  );
  expect((await post({ name: "eu-1", region: "eu", size: 1 })).refusal).toBe("400 unknown_parameter /size");
  expect((await post({ name: "eu-1", region: "eu" }, viewer.token)).refusal).toBe("403 insufficient_role");
  expect((await api.call("GET", "/api/v1/gateways", { token: tenant.token })).resources).toEqual([]);
  const replica = await attach(tenant, "eu-1");
  const path = `/api/v1/gateways/${replica.answer.gatewayId}`;
  for (const method of ["GET", "DELETE"]) {
    expect((await api.call(method, path, { token: stranger.token })).refusal).toBe("404 not_found");
  }
  expect((await api.call("DELETE", path, { token: viewer.token })).refusal).toBe("403 insufficient_role");
});

test("a key is on every gateway when its secret is shown; its revocation names them and is followed by events", async () => {
  const tenant = await makeTenant(api);
  const [eu] = [await attach(tenant, "eu-1"), await attach(tenant, "us-1")];
  const made = await makeKey(api, tenant);
  expect(made.status).toBe(201);
  expect(made.operation.status).toBe("confirmed");
  eu.following = false;
  const revoked = await api.call("POST", `/api/v1/api-keys/${made.resource.id}/revoke`, {
    token: tenant.token,
    body: {},
    headers: { prefer: "wait=0" },
  });
  expect(revoked.status).toBe(202);
  expect(revoked.meta.operation).toMatchObject({ status: "pending", safeBy: expect.stringMatching(/Z$/) });
  const path = `/api/v1/operations/${revoked.operation.id}`;
  const events = api.call("GET", path, { token: tenant.token, headers: { accept: "text/event-stream" } });
  await eu.catchUp();
  await eu.beat();
  const stream = (await events).text;
  const last = stream.trim().split("\n\n").at(-1) ?? "";
  expect(last.startsWith("event: operation\ndata: ")).toBe(true);
  const confirmed = JSON.parse(last.slice(last.indexOf("{"))).data;
  expect(confirmed).toMatchObject({
    type: "operation",
    id: revoked.operation.id,
    attributes: {
      status: "confirmed",
      gateways: [
        { name: "eu-1", state: "confirmed" },
        { name: "us-1", state: "confirmed" },
      ],
    },
  });
  const read = await api.call("GET", path, { token: tenant.token });
  expect(read.resource.attributes).toEqual(confirmed.attributes);
  const stranger = await makeTenant(api);
  expect((await api.call("GET", path, { token: stranger.token })).refusal).toBe("404 not_found");
});

test("a gateway that drains is told so at once, shows since when, and is told when it may go on", async () => {
  const tenant = await makeTenant(api);
  const viewer = await makeMember(api, tenant, "viewer");
  const [eu, us] = [await attach(tenant, "eu-1"), await attach(tenant, "us-1")];
  const path = `/api/v1/gateways/${us.answer.gatewayId}/drain`;
  expect((await api.call("POST", path, { token: viewer.token })).refusal).toBe("403 insufficient_role");
  const before = us.held.rev;
  const drained = await api.call("POST", path, { token: tenant.token });
  expect(drained.status).toBe(200);
  expect(drained.resource.attributes).toMatchObject({ name: "us-1", drainingSince: expect.any(String) });
  // A change that changes no record: every replica speaks at once, and is answered.
  await vi.waitFor(() => expect([eu.held.rev, us.held.rev]).toEqual([before + 1, before + 1]), {
    timeout: 30_000,
  });
  expect(await us.beat()).toMatchObject({ draining: true });
  expect(await eu.beat()).not.toHaveProperty("draining");
  const again = await api.call("POST", path, { token: tenant.token });
  expect(again.resource.attributes.drainingSince).toBe(drained.resource.attributes.drainingSince);
  const resumed = await api.call("DELETE", path, { token: tenant.token });
  expect(resumed.resource.attributes.drainingSince).toBeNull();
  expect(await us.beat()).not.toHaveProperty("draining");
  expect((await api.call("POST", "/api/v1/gateways/gw_nobody/drain", { token: tenant.token })).refusal).toBe(
    "404 not_found",
  );
});

test("detaching cuts a gateway off at once, says what it held, and until when it may go on by itself", async () => {
  const tenant = await makeTenant(api);
  const [eu, us] = [await attach(tenant, "eu-1"), await attach(tenant, "us-1")];
  await makeKey(api, tenant, { name: "k", maxStalenessSeconds: 60 });
  const cut = (async () => {
    for await (const event of us.connection.status()) if (event.type === "disconnect") return;
  })();
  const detached = await api.call("DELETE", `/api/v1/gateways/${us.answer.gatewayId}`, {
    token: tenant.token,
    headers: { prefer: "wait=0" },
  });
  await cut;
  expect(detached.status).toBe(202);
  expect(detached.meta.held).toEqual({ llmApiKeys: [], apiKeys: 1 });
  const operation = await api.call("GET", `/api/v1/operations/${detached.operation.id}`, {
    token: tenant.token,
  });
  const gateways = operation.resource.attributes.gateways as { name: string; refusesBy?: string }[];
  const refusesBy = Date.parse(gateways.find(({ name }) => name === "us-1")?.refusesBy ?? "");
  expect(refusesBy - Date.now()).toBeLessThan(66_000);
  expect((await eu.beat()).org).toBe(tenant.organizationId);
  const left = await api.call("GET", "/api/v1/gateways", { token: tenant.token });
  expect(left.resources.map((gateway) => gateway.attributes.name)).toEqual(["eu-1"]);
  // Later changes do not wait for it once its last moment has passed.
  await api.ports.db.execute(sql`
    update replica set fresh_hi = now() - interval '1 hour' where id = ${us.id}`);
  const later = await makeKey(api, tenant, { name: "later" });
  expect(later.operation.status).toBe("confirmed");
});

test("logs and audit are asked of the gateways, merged newest first, page by page, naming who did not answer", async () => {
  const tenant = await makeTenant(api);
  const [eu, us] = [await attach(tenant, "eu-1"), await attach(tenant, "us-1")];
  await attach(tenant, "ap-1");
  const audits = (first: number) => (query: Query) => {
    if (!("limit" in query.question)) throw new Error("nobody asked that");
    const { limit, before = 6 } = query.question;
    const rows = Array.from({ length: 5 }, (_, index) => 5 - index).filter((n) => n < before);
    return rows.slice(0, limit).map((n) => ({
      n,
      hash: "h",
      atMs: first + n * 1_000,
      entry: { kind: "snapshot", epoch: 1, fromRev: 0, toRev: n },
    }));
  };
  await answerQueries(eu, audits(1_000_000));
  await answerQueries(us, audits(1_000_500));
  const seen: [unknown, unknown][] = [];
  let next: string | null = "";
  while (next !== null) {
    const after: string = next === "" ? "" : `&page[after]=${next}`;
    const page = await api.call("GET", `/api/v1/audit?page[size]=4${after}`, { token: tenant.token });
    expect(page.meta).toMatchObject({ answered: ["eu-1", "us-1"], missing: ["ap-1"] });
    seen.push(
      ...page.resources.map(({ attributes }): [unknown, unknown] => [attributes.gateway, attributes.n]),
    );
    next = page.next;
    if (next !== null) next = new URL(next, "http://x").searchParams.get("page[after]");
  }
  expect(seen).toEqual(
    [5, 4, 3, 2, 1].flatMap((n) => [
      ["us-1", n],
      ["eu-1", n],
    ]),
  );
  const one = await api.call("GET", "/api/v1/audit?filter[gateway]=us-1", { token: tenant.token });
  expect(one.meta).toMatchObject({ answered: ["us-1"], missing: [] });
  expect((await api.call("GET", "/api/v1/logs?filter[key]=nonsense", { token: tenant.token })).status).toBe(
    400,
  );
  expect((await api.call("GET", "/api/v1/audit?page[after]=xx", { token: tenant.token })).status).toBe(400);
  const stranger = await makeTenant(api);
  const foreign = await api.call("GET", "/api/v1/audit", { token: stranger.token });
  expect(foreign.resources).toEqual([]);
});

test("status says whether revocations survive a database failover", async () => {
  const status = await api.call("GET", "/api/v1/status");
  expect(status.resource.attributes).toMatchObject({
    bus: { connected: true },
    revocations: "best effort during database failover",
  });
  expect((await api.call("GET", "/metrics")).text).toContain("claviger_bus_connected 1");
});
