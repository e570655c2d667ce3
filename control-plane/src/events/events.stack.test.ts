import type { LiveChange, LiveEventName, LiveEvents } from "@claviger/shared/api/event";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFakeReplica } from "../fleet/testing/fake-replica.ts";
import { makeKey, makeMember, makeTenant, startApi, type TestApi } from "../http/testing/api.ts";
import { tell } from "../notifications/tell.ts";
import { followEvents } from "./follow.ts";

let api: TestApi;
let second: TestApi;
beforeAll(async () => {
  api = await startApi();
  second = await startApi({}, api.databaseUrl);
});
afterAll(async () => {
  await second?.stop();
  await api?.stop();
});

interface Heard {
  readonly name: LiveEventName;
  readonly id: string;
  readonly data: unknown;
}

/** Reads a stream as a browser does. */
async function follow(from: TestApi, token: string, headers: Record<string, string> = {}, query = "") {
  const leave = new AbortController();
  const response = await from.open(`/api/v1/events${query}`, token, headers, leave.signal);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/event-stream; charset=utf-8",
  ]);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const heard: Heard[] = [];
  let text = "";
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (done) return false;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      heard.push({ name: field("event") as LiveEventName, id: field("id"), data: JSON.parse(field("data")) });
    }
    return true;
  };
  return {
    heard,
    async until<Name extends LiveEventName>(
      name: Name,
      fits: (data: LiveEvents[Name]) => boolean = () => true,
    ) {
      for (let seen = 0; ; ) {
        for (; seen < heard.length; seen += 1) {
          const one = heard[seen] as Heard;
          if (one.name === name && fits(one.data as LiveEvents[Name])) {
            heard.splice(0, seen + 1);
            return one as Heard & { data: LiveEvents[Name] };
          }
        }
        if (!(await read())) throw new Error(`the stream ended before ${name}`);
      }
    },
    async untilOver() {
      while (await read());
    },
    async leave() {
      leave.abort();
      await reader.cancel().catch(() => undefined);
    },
  };
}

const namely =
  (action: string) =>
  ({ changes }: { changes: readonly LiveChange[] }) =>
    changes.some((change) => change.action === action);

test("a stream begins with the present; a change through another control plane is told with its id, its verb and nothing of it", async () => {
  const tenant = await makeTenant(api);
  const stream = await follow(api, tenant.token);
  const { data: hello, id } = await stream.until("hello");
  expect(hello.revision).toBe(id);
  expect((await stream.until("fleet")).data).toEqual({ data: [] });
  const made = await makeKey(second, tenant, { name: "told of", allowedModels: ["secret-model"] });
  const { data, id: after } = await stream.until("changes", namely("api-key.create"));
  expect(data).toEqual({
    complete: true,
    changes: [{ revision: after, action: "api-key.create", actor: tenant.email, ids: [made.resource.id] }],
  });
  expect(JSON.stringify(data)).not.toContain("secret-model");
  await stream.leave();
});

test("a reconnect with Last-Event-ID is told what it missed, once; of another history it is told to read everything", async () => {
  const tenant = await makeTenant(api);
  const stream = await follow(api, tenant.token);
  const { id } = await stream.until("hello");
  await stream.leave();
  await makeKey(api, tenant, { name: "one" });
  await makeKey(api, tenant, { name: "two" });
  const again = await follow(second, tenant.token, { "last-event-id": id });
  const { data, id: now } = await again.until("changes");
  expect([data.complete, data.changes.map(({ action }) => action)]).toEqual([
    true,
    ["api-key.create", "api-key.create"],
  ]);
  await again.leave();
  const current = await follow(api, tenant.token, {}, `?after=${now}`);
  await current.until("beat");
  expect(current.heard.filter(({ name }) => name === "changes")).toEqual([]);
  await current.leave();
  for (const stale of ["9.1", "1.999999", "nonsense"]) {
    const lost = await follow(api, tenant.token, { "last-event-id": stale });
    expect((await lost.until("changes")).data).toEqual({ complete: false, changes: [] });
    await lost.leave();
  }
});

test("nobody hears of another organization, and who is not signed in hears nothing", async () => {
  const [mine, theirs] = [await makeTenant(api), await makeTenant(api)];
  const stream = await follow(api, mine.token);
  await stream.until("fleet");
  await makeKey(api, theirs, { name: "theirs" });
  await makeKey(api, mine, { name: "mine" });
  const { data } = await stream.until("changes");
  expect(data.changes.map(({ actor }) => actor)).toEqual([mine.email]);
  expect(JSON.stringify(stream.heard)).not.toContain(theirs.email);
  await stream.leave();
  expect((await api.open("/api/v1/events", "clvp_nonsense")).status).toBe(401);
});

test("a viewer hears; whoever is no member any more stops hearing", async () => {
  const tenant = await makeTenant(api);
  const viewer = await makeMember(api, tenant, "viewer");
  const stream = await follow(api, viewer.token);
  await stream.until("hello");
  const gone = await api.call("DELETE", `/api/v1/members/${viewer.id}`, {
    token: tenant.token,
    body: { keys: "deactivate" },
  });
  expect(gone.status).toBe(200);
  await stream.untilOver();
});

test("one that does not read is owed the latest state and no queue of states", async () => {
  const tenant = await makeTenant(api);
  const stream = await follow(api, tenant.token);
  await stream.until("fleet");
  for (let n = 0; n < 12; n += 1) await makeKey(api, tenant, { name: `k${n}` });
  let told = 0;
  const events: number[] = [];
  while (told < 12) {
    const { data } = await stream.until("changes");
    told += data.changes.length;
    events.push(data.changes.length);
  }
  expect(told).toBe(12);
  expect(events.length).toBeLessThan(12);
  await stream.leave();
});

test("a gateway that comes, and one that falls silent, is told without anybody asking", async () => {
  const tenant = await makeTenant(api);
  const stream = await follow(second, tenant.token);
  await stream.until("hello");
  const replica = await startFakeReplica(api.ports, tenant.organizationId, "eu-1");
  await stream.until("fleet", ({ data }) => data[0]?.attributes.name === "eu-1");
  await api.ports.db.execute(
    `update replica set last_seen = now() - interval '20 seconds', bye = false where org_id = '${tenant.organizationId}'`,
  );
  await stream.until("fleet", ({ data }) => data[0]?.attributes.status === "degraded");
  await replica.close();
  await stream.leave();
});

test("that the organization was told something is heard by its own dashboards, and what was told before is no news", async () => {
  const [mine, theirs] = [await makeTenant(api), await makeTenant(api)];
  const news = (orgId: string, occasion: string) => ({
    ...{ orgId, occasion, kind: "gateway.offline", title: "eu-1 is offline", text: "", data: {} },
  });
  const write = (one: ReturnType<typeof news>) =>
    api.ports.db.transaction((tx) => tell(tx, api.ports, { ...one, kind: "gateway.offline" }));
  await write(news(mine.organizationId, "before"));
  const stream = await follow(second, mine.token);
  const other = await follow(second, theirs.token);
  await stream.until("fleet");
  await other.until("fleet");
  await write(news(mine.organizationId, "after"));
  await stream.until("told");
  expect(stream.heard.filter(({ name }) => name === "told")).toEqual([]);
  await other.until("beat");
  expect(other.heard.filter(({ name }) => name === "told")).toEqual([]);
  await stream.leave();
  await other.leave();
});

test("a session holds 12 streams at a time and gets a place back with each that ends", async () => {
  const tenant = await makeTenant(api);
  const streams = [];
  for (let n = 0; n < 12; n += 1) streams.push(await follow(api, tenant.token));
  const refused = await api.open("/api/v1/events", tenant.token);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
  await streams[0]?.leave();
  await expect
    .poll(async () => {
      const answer = await api.open("/api/v1/events", tenant.token);
      await answer.body?.cancel();
      return answer.status;
    })
    .toBe(200);
  for (const stream of streams.slice(1)) await stream.leave();
});

test("whoever is not read on any more listens no longer than its signal, though it stands in the middle", async () => {
  const { organizationId } = await makeTenant(api);
  let woken = 0;
  const wake: typeof api.ports.wake = {
    ...api.ports.wake,
    on(...given) {
      const off = api.ports.wake.on(...given);
      woken += 1;
      return () => {
        woken -= 1;
        off();
      };
    },
  };
  const leave = new AbortController();
  const events = followEvents({ ...api.ports, wake }, organizationId, undefined, leave.signal);
  expect((await events.next()).value).toMatchObject({ name: "hello" });
  expect(woken).toBeGreaterThan(0);
  leave.abort();
  expect(woken).toBe(0);
  await events.return(undefined);
});
