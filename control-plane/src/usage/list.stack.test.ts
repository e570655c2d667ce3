import { nanosOf } from "@claviger/shared/money/cost";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeKey, makeTenant, startApi, type Tenant, type TestApi } from "../http/testing/api.ts";
import { usageFreshness } from "./freshness.ts";
import { takeUsage } from "./intake.ts";
import { piecesOf } from "./query.ts";
import { makeEvent } from "./testing/events.ts";

const NOON_MS = Math.floor(Date.now() / 86_400_000 - 4) * 86_400_000 + 43_200_000;
const FROM = new Date(NOON_MS - 86_400_000).toISOString();

let api: TestApi;
let tenant: Tenant;
let stranger: Tenant;
let keyId: string;

beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  stranger = await makeTenant(api);
  const made = await makeKey(api, tenant, { name: '=danger, "quoted"', metadata: { team: "red" } });
  keyId = made.resource.id;
  for (const [which, name] of ["eu-1", "us-1"].entries()) {
    const replica = await startFakeReplica(api.ports, tenant.organizationId, name);
    await replica.close();
    const events = Array.from({ length: 200 }, (_, n) =>
      makeEvent(n + 1, NOON_MS + n * 977_000, n + 1 + which, n % 3 === 0 ? keyId : undefined),
    );
    const sender = { orgId: tenant.organizationId, replicaId: replica.id };
    await takeUsage(api.ports, sender, { v: 1, events });
  }
});
afterAll(async () => {
  await api?.stop();
});

const ask = (query: string, token = tenant.token, headers = {}) =>
  api.call("GET", `/api/v1/usage?from=${FROM}${query}`, { token, headers });

async function sumsOf(query: string) {
  const sums = { requests: 0, errors: 0, refused: 0, inputTokens: 0, outputTokens: 0, nanos: 0n };
  for (let after = ""; ; ) {
    const heard = await ask(`${query}${after}`);
    expect(heard.refusal).toBe("200");
    for (const { attributes } of heard.resources) {
      sums.requests += Number(attributes.requests);
      sums.errors += Number(attributes.errors);
      sums.refused += Number(attributes.refused);
      sums.inputTokens += Number(attributes.inputTokens);
      sums.outputTokens += Number(attributes.outputTokens);
      sums.nanos += nanosOf(String(attributes.spentUsd)) ?? 0n;
    }
    if (heard.next === null) return sums;
    const cursor = new URL(heard.next, "http://x").searchParams.get("page[after]") ?? "";
    after = `&page[after]=${cursor}`;
  }
}

test("whatever is grouped by, by whatever interval and page, the figures sum to the raw events (I14)", async () => {
  const [raw] = await api.ports.db.execute<Record<string, string>>(sql`
    select count(*) filter (where kind = 'settled') as requests,
      count(*) filter (where kind = 'settled' and (event->>'status')::int >= 400) as errors,
      sum((event->>'n')::int) as refused, sum((event->'tokens'->>'input')::int) as input,
      sum((event->'tokens'->>'output')::int) as output, sum(cost_n)::text as nanos
    from usage_event where org_id = ${tenant.organizationId}`);
  const truth = {
    requests: Number(raw?.requests),
    errors: Number(raw?.errors),
    refused: Number(raw?.refused),
    inputTokens: Number(raw?.input),
    outputTokens: Number(raw?.output),
    nanos: BigInt(String(raw?.nanos)),
  };
  expect(truth.requests).toBe(360);
  const names = ["key", "model", "provider", "gateway", "owner", "project", "agent", "code", "metadata.team"];
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(names, { maxLength: 4 }),
      fc.constantFrom("", "&interval=day", "&interval=hour", "&interval=minute"),
      fc.integer({ min: 60, max: 200 }),
      async (groups, interval, size) => {
        const by = groups.length === 0 ? "" : `&groupBy=${groups.join(",")}`;
        expect(await sumsOf(`${by}${interval}&page[size]=${size}`)).toEqual(truth);
      },
    ),
    { numRuns: 12 },
  );
});

test("a key's figures are those on the key, with its name, owner, project and metadata; strangers see nothing", async () => {
  const heard = await ask(`&filter[key]=${keyId}&groupBy=key,owner,project,metadata.team`);
  const [row] = heard.resources;
  const key = await api.call("GET", `/api/v1/api-keys/${keyId}`, { token: tenant.token });
  expect(row?.attributes).toMatchObject({
    at: null,
    group: { key: keyId, owner: tenant.memberId, project: tenant.projectId, "metadata.team": "red" },
    names: { key: '=danger, "quoted"', project: "Main" },
    requests: key.resource.attributes.requests,
    spentUsd: key.resource.attributes.spentUsd,
  });
  expect(heard.resources).toHaveLength(1);
  expect((await ask(`&filter[search]=dang&groupBy=key`)).resources).toHaveLength(1);
  expect((await ask("&filter[gateway]=eu-1&groupBy=gateway")).resources[0]?.attributes.names).toEqual({
    gateway: "eu-1",
  });
  expect((await ask("&groupBy=key", stranger.token)).resources).toEqual([]);
  const csv = await ask("&filter[search]=dang&groupBy=key", tenant.token, { accept: "text/csv" });
  expect(csv.headers.get("content-type")).toMatch(/^text\/csv/);
  expect(csv.text.split("\r\n")[1]).toContain(`,${keyId},"'=danger, ""quoted""",`);
});

test("a key shows what its budget stands at in the period in force: the row that gateways are given money from", async () => {
  const budget = { budgetUsd: "5", budgetPeriod: "daily" };
  const { resource } = await makeKey(api, tenant, { name: "Capped", ...budget });
  const standing = async (id: string) =>
    (await api.call("GET", `/api/v1/api-keys/${id}`, { token: tenant.token })).resource.attributes
      .budgetState;
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  expect(await standing(resource.id)).toMatchObject({ spentUsd: "0", heldUsd: "0" });
  for (const [startMs, spent] of [
    [today - 86_400_000, 4_000_000_000],
    [today, 1_250_000_000],
  ] as const) {
    await api.ports.db.execute(sql`
      insert into budget_period (budget_id, start_ms, end_ms, org_id, limit_n, spent_n, open_n, shrinking)
      select budget_id, ${startMs}, ${startMs + 86_400_000}, org_id, 5000000000, ${spent}, 500000000, false
      from api_key where id = ${resource.id}
      on conflict (budget_id, start_ms) do update set spent_n = excluded.spent_n, open_n = excluded.open_n`);
  }
  const endsAt = new Date(today + 86_400_000).toISOString();
  expect(await standing(resource.id)).toEqual({ spentUsd: "1.25", heldUsd: "0.5", endsAt });
  expect(await standing(keyId)).toBeNull();
});

test("a tag of a key's metadata narrows, and what is asked for first comes first", async () => {
  const tagged = await ask("&filter[metadata.team]=red&groupBy=key");
  expect(tagged.resources.map(({ attributes }) => attributes.group)).toEqual([{ key: keyId }]);
  expect((await ask("&filter[metadata.team]=blue")).resources).toEqual([]);
  const nanosBy = async (sort: string) =>
    (await ask(`&groupBy=key&sort=${sort}`)).resources.map(({ attributes }) =>
      Number(nanosOf(String(attributes.spentUsd))),
    );
  const dear = await nanosBy("-spentUsd");
  expect(dear).toHaveLength(6);
  expect(dear).toEqual([...dear].sort((a, b) => b - a));
  expect(await nanosBy("spentUsd")).toEqual([...dear].reverse());
});

test("a CSV is whole whatever its size, row for row what the pages say, and opens as text in a spreadsheet", async () => {
  const query = "&groupBy=key,model,code,metadata.team&interval=minute";
  const csv = await ask(query, tenant.token, { accept: "text/csv" });
  const [head, ...rows] = csv.text.trimEnd().split("\r\n");
  expect(head).toMatch(
    /^at,key,keyName,model,modelName,code,codeName,metadata\.team,metadata\.teamName,requests,/,
  );
  const sums = await sumsOf(`${query}&page[size]=200`);
  const at = (head ?? "").split(",").indexOf("requests");
  // Only the name has a comma, and it stands before.
  const requests = rows.map((row) => Number(row.replace(/"(?:[^"]|"")*"/, "").split(",")[at]));
  expect(requests.reduce((sum, n) => sum + n, 0)).toBe(sums.requests);
  expect((await ask("&groupBy=key", stranger.token, { accept: "text/csv" })).text).toMatch(/^at,key,.*\r\n$/);
  const refused = await ask("&page[size]=5", tenant.token, { accept: "text/csv" });
  expect(refused.refusal).toBe("400 invalid_value page[size]");
});

test("an answer says to when each gateway is complete, and what waits there", async () => {
  const { organizationId: orgId } = await makeTenant(api);
  const replica = await startFakeReplica(api.ports, orgId, "ap-1");
  const complete = () => usageFreshness(api.ports, orgId);
  expect(await complete()).toEqual([]);
  await replica.beat({ usage: { nextSeq: 4 } });
  expect(await complete()).toMatchObject([{ gateway: "ap-1", completeTo: null, waiting: 3 }]);
  const events = [1, 2, 3].map((seq) => makeEvent(seq, NOON_MS, seq));
  await takeUsage(api.ports, { orgId, replicaId: replica.id }, { v: 1, events });
  const [one] = await complete();
  expect(one).toMatchObject({ waiting: 0 });
  expect(Math.abs(Date.parse(one?.completeTo ?? "") - Date.now())).toBeLessThan(3_600_000);
  // Of those that were never heard nothing is said.
  expect((await ask("")).meta.complete).toEqual([]);
  await replica.close();
});

test("what cannot be asked is refused by its name", async () => {
  const refusals: Record<string, string> = {
    "&interval=week": "400 invalid_value interval",
    "&groupBy=colour": "400 invalid_value groupBy",
    "&groupBy=key,key": "400 invalid_value groupBy",
    "&to=2020-01-01T00:00:00Z": "400 invalid_value from",
    "&to=yesterday": "400 invalid_value to",
    "&filter[colour]=red": "400 unknown_parameter filter[colour]",
    "&filter[metadata.]=red": "400 unknown_parameter filter[metadata.]",
    "&sort=colour": "400 invalid_value sort",
    "&sort=requests&interval=day": "400 invalid_value sort",
  };
  for (const [query, refusal] of Object.entries(refusals)) expect((await ask(query)).refusal).toBe(refusal);
  const long = await api.call("GET", "/api/v1/usage?from=2020-01-01T00:00:00Z&interval=minute", {
    token: tenant.token,
  });
  expect(long.refusal).toBe("400 invalid_value interval");
});

test("the pieces of a range follow each other without a gap", () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.nat(10_000),
      fc.constantFrom("minute", "hour", "day"),
      (from, more, coarsest) => {
        const to = from + more;
        let at = from * 60_000;
        for (const piece of piecesOf(from * 60_000, to * 60_000, "minute", coarsest)) {
          expect(piece.fromMs).toBe(at);
          at = piece.toMs;
        }
        expect(at).toBe(to * 60_000);
      },
    ),
  );
});
