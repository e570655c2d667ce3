import { type McpServerRecord, SecretRecord } from "@claviger/shared/wire/record";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDataKey } from "../fleet/data-key.ts";
import { rotateDataKeys } from "../fleet/rotate-data-key.ts";
import {
  type Heard,
  makeKey,
  makeMember,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

const CANARY = "mcp-canary-0123456789-never-to-be-seen";
const URL = "https://mcp.example.com/mcp";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const call = (method: string, path: string, body?: object, token = tenant.token): Promise<Heard> =>
  api.call(method, `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });
const mcp = (attributes: object) => resource("mcp-server", attributes);

async function recordOf<T>(kind: "mcp" | "secret", id: string): Promise<T | undefined> {
  const rows = await api.ports.db.execute<{ record: T }>(
    sql`select record from org_record where kind = ${kind} and id = ${id}`,
  );
  return rows[0]?.record as T | undefined;
}

async function lastChange(): Promise<{ action: string; restrictive: boolean; inflight: string }> {
  const [row] = await api.ports.db.execute<{ jws: string }>(
    sql`select jws from org_change where org_id = ${tenant.organizationId} order by rev desc limit 1`,
  );
  return JSON.parse(Buffer.from(row?.jws.split(".")[1] ?? "", "base64url").toString());
}

test("a server is what gateways hold of it; its credential goes in sealed and is seen nowhere again", async () => {
  const made = await call("POST", "/mcp-servers", mcp({ name: "files", url: URL, bearer: CANARY }));
  expect([made.status, made.operation.status]).toEqual([201, "confirmed"]);
  const { id } = made.resource;
  expect(made.resource.attributes).toMatchObject({
    name: "files",
    url: URL,
    transport: "streamable-http",
    projectIds: null,
    enabled: true,
    newTools: "pending",
    credential: "bearer",
    preview: "…seen",
    headerNames: [],
    tools: [],
    counts: { new: 0, changed: 0, accepted: 0, rejected: 0, gone: 0 },
    discovered: null,
  });
  expect(await recordOf<McpServerRecord>("mcp", id)).toEqual({
    ...{ id, name: "files", url: URL, projectIds: null, enabled: true, secretVersion: 1 },
    ...{ newOffers: "pending", pins: [] },
  });
  const secret = SecretRecord.parse(await recordOf("secret", id));
  expect(secret).toMatchObject({ id, version: 1, provider: "mcp", host: "mcp.example.com" });
  for (const path of ["/mcp-servers", `/mcp-servers/${id}`, `/mcp-servers/${id}/tools`]) {
    const heard = await call("GET", path);
    expect([heard.status, heard.text.includes(CANARY)]).toEqual([200, false]);
  }
  const tables = await api.ports.db.execute<{ name: string }>(
    sql`select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  for (const { name } of tables) {
    const [row] = await api.ports.db.execute<{ text: string | null }>(
      sql`select string_agg(t::text, '') as text from ${sql.identifier(name)} t`,
    );
    expect(`${name} ${row?.text?.includes(CANARY)}`).not.toBe(`${name} true`);
  }
});

test("headers take a bearer's place, another host needs them again, and null takes them away from gateways", async () => {
  const made = await call("POST", "/mcp-servers", mcp({ name: "heads", url: URL, bearer: "one" }));
  const { id } = made.resource;
  const headers = { "X-Api-Key": CANARY, Authorization: "Basic abc" };
  const edited = await call("PATCH", `/mcp-servers/${id}`, mcp({ headers }));
  expect(edited.resource.attributes).toMatchObject({
    credential: "headers",
    preview: null,
    headerNames: ["authorization", "x-api-key"],
  });
  expect(edited.text).not.toContain(CANARY);
  expect(await recordOf("mcp", id)).toMatchObject({ secretVersion: 2 });
  const moved = mcp({ url: "https://other.example.com/mcp/a" });
  expect((await call("PATCH", `/mcp-servers/${id}`, moved)).refusal).toBe(
    "400 missing_required_parameter /data/attributes/headers",
  );
  const withPassword = mcp({ url: "https://me:secret@mcp.example.com/mcp" });
  expect((await call("PATCH", `/mcp-servers/${id}`, withPassword)).refusal).toBe(
    "400 invalid_value /data/attributes/url",
  );
  const other = mcp({ url: "https://mcp.example.com/v2" });
  expect((await call("PATCH", `/mcp-servers/${id}`, other)).status).toBe(200);
  const bare = await call("PATCH", `/mcp-servers/${id}`, mcp({ headers: null }));
  expect(bare.resource.attributes).toMatchObject({ credential: "none", headerNames: [] });
  expect(await recordOf("secret", id)).toBeUndefined();
  expect(await recordOf("mcp", id)).toMatchObject({ secretVersion: null });
  expect((await call("PATCH", `/mcp-servers/${id}`, moved)).status).toBe(200);
  await call("PATCH", `/mcp-servers/${id}`, mcp({ bearer: "two" }));
  // A version is given once, or a gateway could hold two credentials for one.
  expect(await recordOf("mcp", id)).toMatchObject({ secretVersion: 3 });
});

test("when the data key is rotated the credential moves with it, and goes on by its version", async () => {
  const mine = await makeTenant(api);
  const made = await call(
    "POST",
    "/mcp-servers",
    mcp({ name: "moves", url: URL, bearer: CANARY }),
    mine.token,
  );
  const { id } = made.resource;
  const before = SecretRecord.parse(await recordOf("secret", id));
  await api.ports.db.transaction((tx) => createDataKey(tx, api.ports, mine.organizationId));
  await rotateDataKeys(api.ports, 0);
  const after = SecretRecord.parse(await recordOf("secret", id));
  expect(after.dataKeyId).not.toBe(before.dataKeyId);
  expect([after.version, after.host]).toEqual([before.version, before.host]);
  // Later changes of the server put what was moved, and not what was there before.
  await call("PATCH", `/mcp-servers/${id}`, mcp({ enabled: false }), mine.token);
  expect(await recordOf("secret", id)).toEqual(after);
});

test("what takes something away waits as such, and ends what is in flight only where the server is gone", async () => {
  const { id } = (await call("POST", "/mcp-servers", mcp({ name: "changes", url: URL }))).resource;
  const edit = async (attributes: object) => {
    const edited = await call("PATCH", `/mcp-servers/${id}`, mcp(attributes));
    expect(edited.refusal).toBe("200");
    const { action, restrictive, inflight } = await lastChange();
    expect(action).toBe("mcp-server.edit");
    return `${restrictive ? "restrictive" : "not"} ${inflight}`;
  };
  expect(await edit({ newTools: "accept" })).toBe("not drain");
  expect(await edit({ projectIds: [tenant.projectId] })).toBe("restrictive drain");
  expect(await edit({ projectIds: null })).toBe("not drain");
  expect(await edit({ url: `${URL}/v2` })).toBe("restrictive drain");
  expect(await edit({ newTools: "pending" })).toBe("restrictive drain");
  expect(await edit({ newTools: "accept" })).toBe("not drain");
  expect(await edit({ enabled: false })).toBe("restrictive abort");
  expect(await edit({ enabled: true })).toBe("not drain");
  const deleted = await call("DELETE", `/mcp-servers/${id}`);
  expect([deleted.status, deleted.operation.status]).toEqual([200, "confirmed"]);
  expect(await lastChange()).toMatchObject({
    ...{ action: "mcp-server.delete", restrictive: true, inflight: "abort" },
    changes: [{ op: "del", kind: "mcp", id, ifUnknown: "skip" }],
  });
  expect(await recordOf("mcp", id)).toBeUndefined();
  expect((await call("GET", `/mcp-servers/${id}`)).refusal).toBe("404 not_found");
  expect((await call("POST", "/mcp-servers", mcp({ name: "changes", url: URL }))).status).toBe(201);
});

test("deleting says how many keys may use it", async () => {
  const mine = await makeTenant(api);
  const server = await call("POST", "/mcp-servers", mcp({ name: "used", url: URL }), mine.token);
  const { id } = server.resource;
  const allowed = { enabled: true, mode: "allow-list", servers: ["used"] };
  await makeKey(api, mine, { name: "a", mcp: allowed });
  await makeKey(api, mine, { name: "b", mcp: { enabled: true, mode: "allow-all" } });
  await makeKey(api, mine, { name: "c", mcp: { enabled: true, mode: "deny-list", servers: ["used"] } });
  await makeKey(api, mine, { name: "d" });
  const impact = async () => (await call("GET", `/mcp-servers/${id}/impact`, undefined, mine.token)).meta;
  expect(await impact()).toEqual({ impact: { apiKeys: 2 } });
  const project = await call("POST", "/projects", resource("project", { name: "Other" }), mine.token);
  await call("PATCH", `/mcp-servers/${id}`, mcp({ projectIds: [project.resource.id] }), mine.token);
  expect(await impact()).toEqual({ impact: { apiKeys: 0 } });
  await call("PATCH", `/mcp-servers/${id}`, mcp({ projectIds: null }), mine.token);
  const deleted = await call("DELETE", `/mcp-servers/${id}`, undefined, mine.token);
  expect(deleted.meta.impact).toEqual({ apiKeys: 2 });
});

const at = (attribute: string) => `400 invalid_value /data/attributes/${attribute}`;
test.each<[string, object, string]>([
  ["no name", { url: URL }, "400 missing_required_parameter /data/attributes/name"],
  ["no url", { name: "a" }, "400 missing_required_parameter /data/attributes/url"],
  ["a name with an underscore", { name: "a_b", url: URL }, at("name")],
  ["a name in capitals", { name: "Files", url: URL }, at("name")],
  ["a long name", { name: "a".repeat(33), url: URL }, at("name")],
  ["no https", { name: "a", url: "http://mcp.example.com" }, at("url")],
  ["a file", { name: "a", url: "file:///etc/passwd" }, at("url")],
  ["no URL", { name: "a", url: "mcp.example.com" }, at("url")],
  ["credentials in the URL", { name: "a", url: "https://u:p@mcp.example.com" }, at("url")],
  ["a fragment", { name: "a", url: "https://mcp.example.com/#x" }, at("url")],
  ["another transport", { name: "a", url: URL, transport: "stdio" }, at("transport")],
  ["no projects", { name: "a", url: URL, projectIds: [] }, at("projectIds")],
  ["a foreign project", { name: "a", url: URL, projectIds: ["prj_000000000000"] }, at("projectIds")],
  ["a bearer with a line", { name: "a", url: URL, bearer: "a\nb" }, at("bearer")],
  ["two credentials", { name: "a", url: URL, bearer: "a", headers: { b: "c" } }, at("headers")],
  ["no headers", { name: "a", url: URL, headers: {} }, at("headers")],
  ["a header twice", { name: "a", url: URL, headers: { a: "1", A: "2" } }, at("headers")],
  ["a header of the protocol", { name: "a", url: URL, headers: { "Mcp-Session-Id": "1" } }, at("headers")],
  ["a header with a line", { name: "a", url: URL, headers: { a: "1\r\nhost: b" } }, at("headers")],
  ["a name that is none", { name: "a", url: URL, headers: { "a b": "1" } }, at("headers")],
  ["an unknown policy", { name: "a", url: URL, newTools: "maybe" }, at("newTools")],
  ["an unknown member", { name: "a", url: URL, tools: [] }, "400 unknown_parameter /data/attributes/tools"],
])("what is wrong is said where it is: %s", async (_, attributes, refusal) => {
  expect((await call("POST", "/mcp-servers", mcp(attributes))).refusal).toBe(refusal);
});

test("a name is one server's, never changes, and what the operator allows needs no https", async () => {
  const made = await call("POST", "/mcp-servers", mcp({ name: "local", url: "http://127.0.0.1:19109/mcp" }));
  expect(made.status).toBe(201);
  const again = await call("POST", "/mcp-servers", mcp({ name: "local", url: URL }));
  expect(again.refusal).toBe("409 name_conflict /data/attributes/name");
  const renamed = await call("PATCH", `/mcp-servers/${made.resource.id}`, mcp({ name: "other" }));
  expect(renamed.refusal).toBe("400 unknown_parameter /data/attributes/name");
});

test("who has read another state is told so, and only admins of the organization change anything", async () => {
  const made = await call("POST", "/mcp-servers", mcp({ name: "guarded", url: URL }));
  const path = `/mcp-servers/${made.resource.id}`;
  const stale = await api.call("PATCH", `/api/v1${path}`, {
    token: tenant.token,
    body: mcp({ enabled: false }),
    headers: { "if-match": '"1.1"' },
  });
  expect(stale.refusal).toBe("409 edit_conflict");
  const member = await makeMember(api, tenant, "member");
  const other = await makeTenant(api);
  const writes: [string, string, object?][] = [
    ["POST", "/mcp-servers", mcp({ name: "x", url: URL })],
    ["PATCH", path, mcp({ enabled: false })],
    ["DELETE", path],
    ["POST", `${path}/discover`],
    ["POST", `${path}/tools/accept`, { all: true }],
    ["POST", `${path}/tools/reject`, { tools: [{ name: "a" }] }],
  ];
  for (const [method, to, body] of writes) {
    expect((await call(method, to, body, member.token)).refusal).toBe("403 insufficient_role");
    if (to !== "/mcp-servers") {
      expect((await call(method, to, body, other.token)).refusal).toBe("404 not_found");
    }
  }
  for (const to of [path, `${path}/tools`, `${path}/impact`]) {
    expect((await call("GET", to, undefined, member.token)).status).toBe(200);
    expect((await call("GET", to, undefined, other.token)).refusal).toBe("404 not_found");
  }
});

test("a project sees its servers and those of every project", async () => {
  const mine = await makeTenant(api);
  const project = await call("POST", "/projects", resource("project", { name: "Other" }), mine.token);
  const make = (name: string, projectIds: string[] | null) =>
    call("POST", "/mcp-servers", mcp({ name, url: URL, projectIds }), mine.token);
  await make("everybody", null);
  await make("main", [mine.projectId]);
  await make("other", [project.resource.id]);
  const list = await call("GET", `/mcp-servers?filter[project]=${mine.projectId}`, undefined, mine.token);
  expect(list.resources.map(({ attributes }) => attributes.name)).toEqual(["everybody", "main"]);
  const first = await call("GET", "/mcp-servers?page[size]=2", undefined, mine.token);
  const rest = await call("GET", String(first.next).replace("/api/v1", ""), undefined, mine.token);
  expect(rest.resources.map(({ attributes }) => attributes.name)).toEqual(["other"]);
});

test("a limit of tool calls is a limit like the others: gateways hold it, lowering it is restrictive", async () => {
  const made = await makeKey(api, tenant, { name: "k", toolCallsPerMinute: 5 });
  const { id } = made.resource;
  expect(made.resource.attributes.toolCallsPerMinute).toBe(5);
  const held = async () => {
    const [row] = await api.ports.db.execute<{ record: Record<string, unknown> }>(
      sql`select record from org_record where kind = 'key' and id = ${id}`,
    );
    return row?.record.toolCallsPerMinute;
  };
  const edit = async (toolCallsPerMinute: number | null) => {
    expect((await call("PATCH", `/api-keys/${id}`, resource("api-key", { toolCallsPerMinute }))).status).toBe(
      200,
    );
    return [await held(), (await lastChange()).restrictive];
  };
  expect(await held()).toBe(5);
  expect(await edit(3)).toEqual([3, true]);
  expect(await edit(4)).toEqual([4, false]);
  expect(await edit(null)).toEqual([undefined, false]);
  expect(await edit(0)).toEqual([0, true]);
});
