import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  makeKey,
  makeMember,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";
import { createLooks, lookOnce, pruneNotifications } from "./start.ts";
import { later } from "./testing/later.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let api: TestApi;
let second: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  second = await startApi({}, api.databaseUrl);
});
afterAll(async () => {
  await second?.stop();
  await api?.stop();
});
beforeEach(async () => {
  tenant = await makeTenant(api);
});

/** What two control planes see at that time, each of them looking three times at once. */
async function look(aheadMs = 0, listeningSinceMs = 0): Promise<void> {
  const looks = createLooks(listeningSinceMs);
  for (let n = 0; n < 3; n += 1) {
    await Promise.all([api, second].map(({ ports }) => lookOnce(later(ports, aheadMs), looks)));
  }
}

const read = (token = tenant.token) => api.call("GET", "/api/v1/notifications", { token });
/** `[kind, title]` of what was told, oldest first. */
async function told(): Promise<unknown[][]> {
  const { resources } = await read();
  return resources.map(({ attributes }) => [attributes.kind, attributes.title]).reverse();
}
const rules = (attributes: object) =>
  api.call("PATCH", "/api/v1/notification-rules", {
    ...{ token: tenant.token, body: resource("notification-rules", attributes) },
  });

async function spend(keyId: string, startMs: number, endMs: number, percent: number): Promise<void> {
  await api.ports.db.execute(sql`
    insert into budget_period (budget_id, start_ms, end_ms, org_id, limit_n, spent_n, open_n, shrinking)
    select budget_id, ${startMs}, ${endMs}, org_id, 10000000000, ${percent * 100_000_000}::bigint, 0, true
    from api_key where id = ${keyId}
    on conflict (budget_id, start_ms) do update set spent_n = excluded.spent_n`);
}

test("each threshold of a budget is told once per period, however often and by how many processes it is seen", async () => {
  const key = await makeKey(api, tenant, {
    ...{ name: "batch", budgetUsd: "10", budgetPeriod: "daily", budgetAlertThresholds: [50, 90, 100] },
  });
  const today = Math.floor(Date.now() / DAY) * DAY;
  await spend(key.resource.id, today, today + DAY, 49);
  await look();
  expect(await told()).toEqual([]);
  await spend(key.resource.id, today, today + DAY, 91);
  await look();
  await look();
  const [half, most] = [
    "The budget of API key batch has reached 50 %",
    "The budget of API key batch has reached 90 %",
  ];
  expect((await told()).toSorted()).toEqual([
    ["budget.threshold", half],
    ["budget.threshold", most],
  ]);
  await spend(key.resource.id, today, today + DAY, 100);
  await look();
  expect((await told()).at(-1)).toEqual(["budget.threshold", "The budget of API key batch is used up"]);
  await spend(key.resource.id, today + DAY, today + 2 * DAY, 60);
  await look(DAY);
  expect((await told()).map(([, title]) => title).filter((title) => title === half)).toHaveLength(2);
  const attributes = (await read()).resources[0]?.attributes ?? {};
  expect(attributes.data).toMatchObject({
    scope: "key",
    threshold: 50,
    spentUsd: "6",
    limitUsd: "10",
    period: "daily",
  });
});

test("a key is told of before it expires, once for each of the rule's days and not when it was made for less", async () => {
  await makeKey(api, tenant, { name: "old", expiresAt: new Date(Date.now() + 30 * DAY).toISOString() });
  await makeKey(api, tenant, { name: "brief", expiresAt: new Date(Date.now() + HOUR).toISOString() });
  await look();
  expect(await told()).toEqual([]);
  await look(24 * DAY);
  await look(25 * DAY);
  await look(29.5 * DAY);
  await look(31 * DAY);
  expect(await told()).toEqual([
    ["key.expiring", "API key old expires in 7 days or sooner"],
    ["key.expiring", "API key old expires in a day or sooner"],
  ]);
});

async function hear(gateway: string, agoMs: number, of = tenant): Promise<void> {
  const at = new Date(Date.now() - agoMs).toISOString();
  await api.ports.db.execute(sql`
    insert into gateway (id, org_id, name, region) values (${gateway}, ${of.organizationId}, 'eu-1', 'eu')
    on conflict do nothing`);
  await api.ports.db.execute(sql`
    insert into replica (id, org_id, gateway_id, slot, nkey, seal_key, runtime, enrolled_at, token_id, last_seen)
    values (${`rep_of_${gateway}`}, ${of.organizationId}, ${gateway}, '0', ${gateway}, '', 'node', now(), '', ${at})
    on conflict (id) do update set last_seen = excluded.last_seen`);
}

test("a gateway that falls silent is told of once, and once that it is back; then again", async () => {
  const gateway = `gw_${tenant.organizationId.slice(4)}`;
  await hear(gateway, 0);
  await look();
  expect(await told()).toEqual([]);
  await look(3 * MINUTE);
  await look(4 * MINUTE);
  const [gone, back] = [
    ["gateway.offline", "Gateway eu-1 is offline"],
    ["gateway.back", "Gateway eu-1 is back"],
  ];
  expect(await told()).toEqual([gone]);
  await hear(gateway, -5 * MINUTE);
  await look(5 * MINUTE);
  await look(5 * MINUTE);
  expect(await told()).toEqual([gone, back]);
  await look(20 * MINUTE);
  expect(await told()).toEqual([gone, back, gone]);
});

test("after an outage of the control plane no gateway is called offline before it had the time to be heard", async () => {
  await hear(`gw_${tenant.organizationId.slice(4)}`, HOUR);
  await look(0, Date.now() - MINUTE);
  expect(await told()).toEqual([]);
  await look(2 * MINUTE, Date.now() - MINUTE);
  expect(await told()).toHaveLength(1);
});

let seq = 0;
async function use(keyId: string, network: string, agoMs: number, by = tenant): Promise<void> {
  seq += 1;
  const atSeconds = (Date.now() - agoMs) / 1000;
  const replica = `rep_${by.organizationId}`;
  await api.ports.db.execute(sql`
    insert into usage_event (replica_id, seq, org_id, gateway_id, key_id, kind, at, dimension_id, event)
    values (${replica}, ${seq}, ${by.organizationId}, 'gw', ${keyId}, 'settled', to_timestamp(${atSeconds}), gen_random_uuid(),
      ${JSON.stringify({ ipPrefix: network })}::jsonb)`);
  await api.ports.db.execute(sql`
    insert into replica_cursor (replica_id, seq) values (${replica}, ${seq})
    on conflict (replica_id) do update set seq = excluded.seq`);
}

test("networks are learnt for a day; a new one after that is told once, and of a key that wanders five a day", async () => {
  const { id } = (await makeKey(api, tenant, { name: "app" })).resource;
  await use(id, "10.0.0.0/24", 3 * DAY);
  await use(id, "10.0.1.0/24", 2.5 * DAY);
  await look();
  expect(await told()).toEqual([]);
  await use(id, "192.0.2.0/24", HOUR);
  await use(id, "10.0.0.0/24", HOUR);
  await look();
  await use(id, "192.0.2.0/24", MINUTE);
  await look();
  expect(await told()).toEqual([
    ["key.unfamiliar-network", "API key app was used from an unfamiliar network"],
  ]);
  for (let n = 0; n < 9; n += 1) {
    await use(id, `198.51.${n}.0/24`, MINUTE);
    await look();
  }
  expect(await told()).toHaveLength(5);
});

test("an instant that no date can be is passed by, and every other organization is told of its own networks", async () => {
  const other = await makeTenant(api);
  for (const each of [tenant, other]) {
    const { id } = (await makeKey(api, each, { name: "app" })).resource;
    await use(id, "10.0.0.0/24", 3 * DAY, each);
    await look();
    await use(id, "192.0.2.0/24", each === tenant ? Date.now() - 9e15 : HOUR, each);
  }
  await look();
  expect((await read(other.token)).resources.map(({ attributes }) => attributes.kind)).toEqual([
    "key.unfamiliar-network",
  ]);
  expect(await told()).toEqual([]);
  const behind = await api.ports.db.execute(sql`
    select 1 from replica_cursor c join network_cursor n using (replica_id) where n.seq < c.seq`);
  expect(behind).toHaveLength(0);
});

test("what a gateway says of another organization's key is told to nobody and keeps nothing from its own", async () => {
  const other = await makeTenant(api);
  const { id } = (await makeKey(api, tenant, { name: "app" })).resource;
  await use(id, "192.0.2.0/24", 3 * DAY, other);
  await look();
  await use(id, "10.0.9.0/24", HOUR, other);
  await look();
  expect((await read(other.token)).resources).toEqual([]);
  await use(id, "10.0.0.0/24", 2.5 * DAY);
  await look();
  expect(await told()).toEqual([]);
  await use(id, "192.0.2.0/24", HOUR);
  await look();
  expect(await told()).toEqual([
    ["key.unfamiliar-network", "API key app was used from an unfamiliar network"],
  ]);
});

async function count(provider: string, code: string | null, requests: number, of = tenant): Promise<void> {
  const [row] = await api.ports.db.execute<{ id: string }>(sql`
    insert into usage_dimension (id, org_id, key_id, gateway_id, provider, code, metadata)
    values (gen_random_uuid(), ${of.organizationId}, 'key', 'gw', ${provider}, ${code}, '{}') returning id`);
  await api.ports.db.execute(sql`
    insert into usage_rollup (grain, at, dimension_id, requests, errors, refused, input_tokens, cache_read_tokens,
      cache_write_tokens, output_tokens, reasoning_tokens, cost_n, unpriced, latency, first_byte)
    values ('minute', date_trunc('minute', now()), ${row?.id}, ${requests}, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', '{}')`);
}

test("a provider that fails too much is told of once an hour; callers that leave are no failures, and few requests no sample", async () => {
  await count("calm", "client_closed", 100);
  await count("small", "provider_error", 19);
  await count("openai", null, 60);
  await count("openai", "provider_error", 40);
  await look();
  await look(MINUTE);
  expect(await told()).toEqual([["errors.spike", "40 % of the requests to openai fail"]]);
});

test("an organization that cannot be told of anything keeps none of the looks from telling another", async () => {
  const other = await makeTenant(api);
  await api.ports.db.execute(sql`
    create function refuse_news() returns trigger language plpgsql as $$ begin raise exception 'no news'; end $$`);
  await api.ports.db.execute(
    sql.raw(`create trigger refuse_news before insert on notification for each row
      when (new.org_id = '${tenant.organizationId}') execute function refuse_news()`),
  );
  const today = Math.floor(Date.now() / DAY) * DAY;
  for (const of of [tenant, other]) {
    const expiresAt = new Date(Date.now() + 30 * DAY).toISOString();
    const budget = { budgetUsd: "10", budgetPeriod: "daily", budgetAlertThresholds: [50] };
    const { id } = (await makeKey(api, of, { name: "app", expiresAt, ...budget })).resource;
    await spend(id, today, today + 30 * DAY, 60);
    await use(id, "10.0.0.0/24", 3 * DAY, of);
    await look();
    await use(id, "192.0.2.0/24", HOUR, of);
    await hear(`gw_${of.organizationId.slice(4)}`, HOUR, of);
    await count("openai", "provider_error", 100, of);
  }
  await look();
  await look(24 * DAY);
  await api.ports.db.execute(sql`drop trigger refuse_news on notification`);
  const kinds = (await read(other.token)).resources.map(({ attributes }) => attributes.kind);
  expect([...new Set(kinds)].toSorted()).toEqual([
    ...["budget.threshold", "errors.spike", "gateway.offline", "key.expiring", "key.unfamiliar-network"],
  ]);
  expect(await told()).toEqual([]);
});

test("what is switched off is not told, and an organization hears nothing of another", async () => {
  const other = await makeTenant(api);
  await rules({ gatewayOffline: { enabled: false }, errorSpike: { enabled: false } });
  await hear(`gw_${tenant.organizationId.slice(4)}`, HOUR);
  await count("openai", "provider_error", 100);
  await look();
  expect(await told()).toEqual([]);
  expect((await read(other.token)).resources).toEqual([]);
});

test("each member has seen what they have seen; what is old goes", async () => {
  const viewer = await makeMember(api, tenant, "viewer");
  await count("openai", "provider_error", 50);
  await hear(`gw_${tenant.organizationId.slice(4)}`, HOUR);
  await look();
  expect((await read()).meta).toEqual({ total: 2, unseen: 2 });
  const oldest = (await read()).resources.at(-1)?.id;
  const see = (body: object, token = tenant.token) =>
    api.call("POST", "/api/v1/notifications/seen", { token, body });
  expect((await see({ upTo: "ntf_unknown" })).status).toBe(404);
  expect((await see({ upTo: oldest })).status).toBe(200);
  expect((await read()).resources.at(-1)?.attributes.seen).toBe(true);
  await see({});
  expect([(await read()).meta.unseen, (await read(viewer.token)).meta.unseen]).toEqual([0, 2]);
  await api.ports.db.execute(
    sql`update notification set at = at - interval '91 days' where org_id = ${tenant.organizationId}`,
  );
  await pruneNotifications(api.ports);
  expect((await read()).meta.total).toBe(0);
});
