/**
 * I17 on the HTTPS courier: every path of `wire/subjects.ts`, called by everybody who should not be heard, at two
 * control planes on one database. With the check of the signature taken out the same calls leak.
 */
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type {} from "../../../../infra/testing/context.ts";
import { createDatabase } from "../../../../infra/testing/database.ts";
import { createCallers } from "../../fleet/callers.ts";
import { type FakeReplica, startFakeReplica } from "../../fleet/testing/fake-replica.ts";
import { type Heard, makeKey, makeTenant, startApi, type TestApi } from "../testing/api.ts";
import { forgeriesOf, inTheNameOf, type Sent, sign, type Unsigned } from "../testing/courier-calls.ts";
import { courierRoutes } from "./courier.ts";

let database: Awaited<ReturnType<typeof createDatabase>>;
let api: TestApi;
let second: TestApi;
let victim: FakeReplica;
/** Another gateway of the victim's organization. */
let neighbour: FakeReplica;
/** A gateway of another organization. */
let stranger: FakeReplica;
let detached: FakeReplica;
let pageOfVictim: string;

beforeAll(async () => {
  database = await createDatabase(inject("postgresUrl"));
  api = await startApi({}, database.url);
  second = await startApi({}, database.url);
  const tenant = await makeTenant(api);
  const other = await makeTenant(api);
  await makeKey(api, tenant);
  await makeKey(api, other);
  victim = await startFakeReplica(api.ports, tenant.organizationId, "victim");
  neighbour = await startFakeReplica(api.ports, tenant.organizationId, "neighbour");
  stranger = await startFakeReplica(api.ports, other.organizationId, "stranger");
  detached = await startFakeReplica(api.ports, tenant.organizationId, "detached");
  await api.call("DELETE", `/api/v1/gateways/${detached.answer.gatewayId}`, {
    token: tenant.token,
    headers: { prefer: "wait=0" },
  });
  await victim.catchUp();
  const [page] = await api.ports.db.execute<{ sha256: string }>(
    sql`select sha256 from snapshot_page where org_id = ${tenant.organizationId}`,
  );
  pageOfVictim = page?.sha256 ?? "";
});
afterAll(async () => {
  await Promise.all([victim, neighbour, stranger, detached].map((replica) => replica?.close()));
  await Promise.all([api?.stop(), second?.stop()]);
  await database?.drop();
});

/** One call of each path, all about the victim. Enrolment is not among them: its caller has no key yet. */
function calls(): Record<Exclude<keyof typeof courierPaths, "enrol">, Unsigned> {
  const post = (path: string, body: object) => ({ method: "POST", path, body: JSON.stringify(body) });
  const refusal = {
    kind: "refused",
    seq: 1,
    keyId: "key_000000000000",
    code: "key_revoked",
    minuteMs: 0,
    n: 1,
  };
  return {
    heartbeat: post(courierPaths.heartbeat, {
      v: 1,
      replica: victim.id,
      boot: "9.AAAAAAAAAAAA",
      nonce: crypto.randomUUID(),
      software: "isolation",
      runtime: "node",
      wallMs: Date.now(),
      epoch: 0,
      revApplied: 0,
      revEffective: 0,
      chain: GENESIS_CHAIN,
      usage: { nextSeq: 1 },
      audit: { n: 0, head: GENESIS_CHAIN },
      inflight: 0,
      requestsPerSecond: 0,
      aborted: [],
      clockOffsetMs: null,
      clockErrorMs: null,
    }),
    sync: post(courierPaths.sync, { v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN }),
    usage: post(courierPaths.usage, { v: 1, events: [refusal] }),
    escrow: post(courierPaths.escrow, {
      v: 1,
      req: `${victim.id}.9.AAAAAAAAAAAA.1`,
      budget: "bud_000000000000",
      boot: "9.AAAAAAAAAAAA",
      min: "1",
      bound: "1",
      want: "1",
    }),
    page: { method: "GET", path: courierPaths.page(pageOfVictim), body: "" },
    wait: { method: "GET", path: `${courierPaths.wait}?revision=0.0`, body: "" },
  };
}

function send({ method, path, body, headers }: Sent, to = api): Promise<Heard> {
  const json = body === "" ? {} : { "content-type": "application/json" };
  return to.call(method, path, { ...(body === "" ? {} : { raw: body }), headers: { ...json, ...headers } });
}

const refusalOf = ({ status, text }: Heard) =>
  status === 200 ? "200" : `${status} ${JSON.parse(text).error?.code}`;

/** All that the database knows of the victim. */
async function known(): Promise<unknown> {
  const [row] = await api.ports.db.execute(sql`
    select (select to_jsonb(r) from replica r where r.id = ${victim.id}) as replica,
      (select seq from replica_cursor c where c.replica_id = ${victim.id}) as cursor,
      (select count(*) from usage_event u where u.replica_id = ${victim.id}) as events`);
  return row;
}

const INVALID = "401 invalid_replica";

test("every path is in the matrix", () => {
  expect(Object.keys(calls()).sort()).toEqual(
    Object.keys(courierPaths)
      .filter((name) => name !== "enrol")
      .sort(),
  );
});

test("a call that is forged, altered, or made by nobody is refused on every path, and nothing is changed", async () => {
  const before = await known();
  const others = { stranger: stranger.user, neighbour: neighbour.user };
  const forgeries = forgeriesOf({ victim: victim.user, others, detached: detached.user });
  for (const [what, forge] of Object.entries(forgeries)) {
    for (const [path, call] of Object.entries(calls())) {
      expect(refusalOf(await send(await forge(call))), `${path}: ${what}`).toBe(INVALID);
    }
  }
  expect(await known()).toEqual(before);
});

test("a call is taken once: not again, not at another process, not on another path, not at another time", async () => {
  for (const [path, call] of Object.entries(calls())) {
    const sent = await sign(call, victim.user);
    expect(refusalOf(await send(sent, second)), path).toBe("200");
    const before = await known();
    for (const process of [api, second]) {
      expect(refusalOf(await send(sent, process)), path).toBe("409 replica_call_repeated");
    }
    for (const other of Object.values(calls()).filter((each) => each.path !== call.path)) {
      expect(refusalOf(await send({ ...other, headers: sent.headers })), `${path} → ${other.path}`).toBe(
        INVALID,
      );
    }
    for (const offMs of [-301_000, 301_000]) {
      const late = await sign(call, victim.user, Date.now() + offMs);
      expect(refusalOf(await send(late)), path).toBe("401 replica_clock");
    }
    expect(await known(), path).toEqual(before);
  }
});

test("of a call that comes to both processes at once, one is taken", async () => {
  for (const [path, call] of Object.entries(calls())) {
    const sent = await sign(call, victim.user);
    const heard = await Promise.all([
      send(sent, api),
      send(sent, second),
      send(sent, api),
      send(sent, second),
    ]);
    const outcomes = heard.map(refusalOf).sort();
    expect(outcomes, path).toEqual(["200", ...Array(3).fill("409 replica_call_repeated")]);
  }
});

/** What anything can be recognized by as the victim's. */
const marksOf = (replica: FakeReplica) => [replica.id, replica.answer.organizationId];

/** An answer with the payloads of the JWSs in it. */
function legible(text: string): string {
  const payloads = text.match(/(?<=\.)[A-Za-z0-9_-]{20,}(?=\.)/g) ?? [];
  return [text, ...payloads.map((payload) => Buffer.from(payload, "base64url").toString())].join("\n");
}

test("who calls is answered about itself, whomever the call names: every path, a stranger and a neighbour", async () => {
  const before = await known();
  for (const caller of [stranger, neighbour]) {
    for (const [path, call] of Object.entries(calls())) {
      const heard = await send(await sign(call, caller.user));
      const foreignPage = path === "page" && caller === stranger;
      expect(refusalOf(heard), path).toBe(foreignPage ? "404 not_found" : "200");
      expect(legible(heard.text), path).not.toContain(victim.id);
      if (caller === stranger) expect(legible(heard.text), path).not.toContain(victim.answer.organizationId);
      if (path === "heartbeat")
        for (const mark of marksOf(caller)) expect(legible(heard.text)).toContain(mark);
    }
  }
  expect(await known()).toEqual(before);
});

/** What the routes answer when `authenticate` is another one. */
async function sendAround(authenticate: Parameters<typeof courierRoutes>[1], sent: Sent): Promise<Response> {
  const { pathname, searchParams } = new URL(`http://cp${sent.path}`);
  const isHere = ({ path }: { path: string }) => pathname.startsWith(path.replace(/:.*/, ""));
  const route = courierRoutes(api.ports, authenticate).find(isHere);
  const json = sent.body === "" ? {} : { "content-type": "application/json" };
  const request = new Request(`http://cp${sent.path}`, {
    method: sent.method,
    headers: { ...json, ...sent.headers },
    ...(sent.body === "" ? {} : { body: sent.body }),
  });
  const call = {
    request,
    ports: api.ports,
    requestId: "req_000000000000",
    params: { sha256: pathname.split("/").at(-1) },
    query: Object.fromEntries(searchParams),
  };
  const answer = await route?.handle(call as never);
  if (answer?.kind !== "raw") throw new Error(`no route for ${sent.path}`);
  return answer.response;
}

test("control: without the signature a stranger is answered in the victim's name on every path", async () => {
  const before = await known();
  const believing = async () => ({ orgId: victim.answer.organizationId, replicaId: victim.id });
  for (const [path, call] of Object.entries(calls())) {
    const response = await sendAround(believing, inTheNameOf(victim.user, await sign(call, stranger.user)));
    const text = legible(await response.text());
    expect(response.status, path).toBe(200);
    if (path === "heartbeat") expect(text).toContain(victim.id);
    if (path === "heartbeat" || path === "sync") expect(text).toContain(victim.answer.organizationId);
    if (path === "page") expect(text).toContain('"kind":"key"');
  }
  expect(await known()).not.toEqual(before);
});

test("control: without the memory of nonces a recorded call is answered again", async () => {
  const forgetful = createCallers(api.ports, async () => true);
  for (const [path, call] of Object.entries(calls())) {
    const sent = await sign(call, victim.user);
    expect((await send(sent)).status, path).toBe(200);
    expect((await sendAround(forgetful, sent)).status, path).toBe(200);
  }
});
