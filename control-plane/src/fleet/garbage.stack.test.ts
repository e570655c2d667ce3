/**
 * Whatever an attached replica sends, over either courier: what cannot be read is counted and gets nothing, nobody else's
 * state moves, and the next replica is served.
 */
import { scanJson } from "@claviger/shared/decide/scan-json";
import { Heartbeat, PageRequest, SyncRequest } from "@claviger/shared/wire/heartbeat";
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { courierPaths, replicaSubjects } from "@claviger/shared/wire/subjects";
import { UsageBatch } from "@claviger/shared/wire/usage";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type * as z from "zod";
import { makeTenant, startApi, type TestApi } from "../http/testing/api.ts";
import { sign } from "../http/testing/courier-calls.ts";
import { readMetrics } from "../status/read.ts";
import { refusalsOf } from "./refusals.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";

let api: TestApi;
let hostile: FakeReplica;
let other: FakeReplica;

beforeAll(async () => {
  api = await startApi();
  hostile = await startFakeReplica(api.ports, (await makeTenant(api)).organizationId, "hostile");
  other = await startFakeReplica(api.ports, (await makeTenant(api)).organizationId, "other");
});
afterAll(async () => {
  await Promise.all([hostile?.close(), other?.close()]);
  await api?.stop();
});

const settled = {
  kind: "settled",
  seq: 1,
  keyId: "key_000000000000",
  generation: 1,
  projectId: "prj_000000000000",
  requestId: "req_000000000000",
  surface: "chat",
  provider: "sandbox",
  llmKeyId: "llm_000000000000",
  model: "echo",
  status: 200,
  code: null,
  tokens: { input: 1, cacheRead: 0, cacheWrite: 0, output: 1, reasoning: 0 },
  basis: "provider",
  startedAtMs: 1_790_000_000_000,
  firstByteMs: 1,
  totalMs: 2,
  ipPrefix: "127.0.0.0/24",
};
const heartbeat = {
  v: 1,
  replica: "rep_000000000000",
  boot: "9.AAAAAAAAAAAA",
  nonce: "a-nonce-of-tests",
  software: "garbage",
  runtime: "node",
  wallMs: 0,
  epoch: 0,
  revApplied: 0,
  revEffective: 0,
  chain: GENESIS_CHAIN,
  usage: { nextSeq: 1 },
  audit: { n: 0, head: GENESIS_CHAIN },
  inflight: 0,
  requestsPerSecond: 0,
  aborted: [{ rev: 1, n: 1 }],
  clockOffsetMs: null,
  clockErrorMs: null,
};
const sync = { v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN };

interface Service {
  readonly schema: z.ZodType;
  readonly good: object;
  readonly subject: (replica: string) => string;
  readonly path?: string;
}
const services: Record<string, Service> = {
  heartbeat: {
    schema: Heartbeat,
    good: heartbeat,
    subject: replicaSubjects.heartbeat,
    path: courierPaths.heartbeat,
  },
  sync: { schema: SyncRequest, good: sync, subject: replicaSubjects.sync, path: courierPaths.sync },
  page: { schema: PageRequest, good: { sha256: GENESIS_CHAIN }, subject: replicaSubjects.page },
  usage: {
    schema: UsageBatch,
    good: { v: 1, events: [settled] },
    subject: replicaSubjects.usage,
    path: courierPaths.usage,
  },
};

const ODD: readonly unknown[] = [
  null,
  -1,
  1.5,
  2,
  1e308,
  Number.MAX_SAFE_INTEGER,
  "",
  "\0",
  "\ud800",
  "é".repeat(5_000),
  [],
  {},
];
const odd = fc.oneof(fc.constantFrom(...ODD), fc.jsonValue());

/** Every place in a value, as the way to it. */
function waysIn(value: unknown, way: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([name, inner]) => waysIn(inner, [...way, name]))];
}

function changedAt(value: unknown, [name, ...rest]: string[], to: unknown): unknown {
  if (name === undefined) return to;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[name] = changedAt(copy[name], rest, to);
  return copy;
}

const bodyOf = ({ good }: Service): fc.Arbitrary<string> => {
  const text = JSON.stringify(good);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...waysIn(good)), odd)
        .map(([way, to]) => JSON.stringify(changedAt(good, way, to)) ?? ""),
    },
    { weight: 1, arbitrary: fc.nat(text.length - 1).map((at) => text.slice(0, at)) },
    { weight: 1, arbitrary: fc.oneof(fc.string(), fc.json()) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "",
        "{".repeat(100_000),
        "[".repeat(100_000),
        " ".repeat(900_000),
        `"${"x".repeat(900_000)}"`,
      ),
    },
  );
};

/** By the law itself, and no text in it that nobody can keep: U+0000, or half of a pair. */
function isReadable({ schema }: Service, body: string): boolean {
  if (scanJson(new TextEncoder().encode(body), new Set()).kind !== "object") return false;
  const json: unknown = JSON.parse(body);
  return !JSON.stringify(json).includes("\\u0000") && schema.safeParse(json).success;
}

const stateOfOther = async () => {
  const [row] = await api.ports.db.execute(sql`
    select (select to_jsonb(r) from replica r where r.id = ${other.id}) as replica,
      (select count(*) from usage_event u where u.replica_id = ${other.id}) as events`);
  return row;
};

const counted = (courier: string, code: RegExp) =>
  refusalsOf(api.ports)
    .filter((refusal) => refusal.courier === courier && code.test(refusal.code))
    .reduce((sum, { n }) => sum + n, 0);

test("over the bus: what cannot be read is counted, harms nobody else, and the next is served", async () => {
  const before = await stateOfOther();
  const inbox = `_INBOX.${hostile.id}.garbage`;
  let answered = 0;
  hostile.connection.subscribe(inbox, {
    callback: () => {
      answered += 1;
    },
  });
  let sent = 0;
  let bad = 0;
  for (const service of Object.values(services)) {
    const everywhere = waysIn(service.good).flatMap((way) =>
      ODD.map((to) => changedAt(service.good, way, to)),
    );
    const bodies = everywhere.map((body) => JSON.stringify(body) ?? "");
    for (const body of [...bodies, ...fc.sample(bodyOf(service), 40)]) {
      hostile.connection.publish(service.subject(hostile.id), body, { reply: inbox });
      sent += 1;
      if (!isReadable(service, body)) bad += 1;
    }
  }
  await expect.poll(() => answered + counted("bus", /./), { timeout: 30_000 }).toBe(sent);
  expect(counted("bus", /^invalid_/)).toBe(bad);
  // What can be read fails for no reason of ours.
  expect(counted("bus", /^failed$/)).toBe(0);
  expect(await stateOfOther()).toEqual(before);
  expect((await other.beat()).replica).toBe(other.id);
  expect(await readMetrics(api.ports)).toMatch(
    /claviger_fleet_messages_refused_total\{courier="bus",code="invalid_value"\} \d+/,
  );
});

test("usage that can be read can be stored: what the database refuses would be offered again for ever", async () => {
  let cursor = 0;
  const refused: string[] = [];
  for (const way of waysIn(settled).filter(([name]) => name !== undefined && name !== "seq")) {
    for (const to of ODD) {
      const event = changedAt({ ...settled, seq: cursor + 1 }, way, to);
      const batch = { v: 1, events: [event] };
      if (!UsageBatch.safeParse(batch).success) continue;
      const body = JSON.stringify(batch);
      const call = await sign({ method: "POST", path: courierPaths.usage, body }, other.user);
      const headers = { "content-type": "application/json", ...call.headers };
      const heard = await api.call("POST", courierPaths.usage, { raw: body, headers });
      if (heard.status === 200) cursor = Number(heard.document.cursor);
      // What is no text in JSON or in PostgreSQL is refused by name, and no gateway makes it.
      else if (heard.status !== 400 || !["\0", "\ud800"].includes(to as string))
        refused.push(`${heard.status} ${way.join(".")} = ${JSON.stringify(to)?.slice(0, 40)}`);
    }
  }
  expect(refused).toEqual([]);
  expect(cursor).toBeGreaterThan(20);
});

test("over HTTPS: what cannot be read is refused by name and counted, and nothing is our fault", async () => {
  const before = await stateOfOther();
  for (const service of Object.values(services)) {
    const { path } = service;
    if (path === undefined) continue;
    for (const body of fc.sample(bodyOf(service), 12)) {
      const call = await sign({ method: "POST", path, body }, hostile.user);
      const headers = { "content-type": "application/json", ...call.headers };
      const { status, text } = await api.call("POST", path, { raw: body, headers });
      if (status >= 500)
        expect({ status, text, body: body.slice(0, 2_000) }).toBe("an answer that is not our fault");
      if (!isReadable(service, body)) expect(status, body.slice(0, 200)).toBe(400);
    }
  }
  expect(counted("https", /./)).toBeGreaterThan(0);
  expect(await stateOfOther()).toEqual(before);
});
