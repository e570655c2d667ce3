import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeKey, makeTenant, resource, startApi, type Tenant, type TestApi } from "./testing/api.ts";

let api: TestApi;
let tenant: Tenant;
let keyId: string;
let llmId: string;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
  keyId = (await makeKey(api, tenant)).resource.id;
  const llm = await api.call("POST", `/api/v1/projects/${tenant.projectId}/llm-api-keys`, {
    token: tenant.token,
    body: resource("llm-api-key", { provider: "sandbox" }),
  });
  llmId = llm.resource.id;
});
afterAll(() => api?.stop());

const at = (attribute: string) => `/data/attributes/${attribute}`;
const key = (attributes: object) => resource("api-key", attributes);

/** Method and path, body (a string stands for itself), and the refusal. */
type Row = readonly [string, unknown, string, Record<string, string>?];

const NOBODY = "/api-keys/key_000000000000";

const BODIES: readonly Row[] = [
  ["POST {keys}", "{", "400 invalid_json"],
  ["POST {keys}", "[]", "400 invalid_json"],
  ["POST {keys}", "null", "400 invalid_json"],
  ["POST {keys}", '{"data":{"type":"api-key","type":"x"}}', "400 invalid_json"],
  ["POST {keys}", '{"data":{"type":"api-key","attributes":{"__proto__":{"name":"x"}}}}', "400 invalid_json"],
  ["POST {keys}", '{"data":{"type":"api-key","attributes":{"name":"\\ud800"}}}', "400 invalid_json"],
  ["POST {keys}", `{"data":${"[".repeat(80)}${"]".repeat(80)}}`, "400 invalid_json"],
  [
    "POST {keys}",
    '{"data":{"type":"api-key","attributes":{"name":"n","metadata":{"a":"\\u0000"}}}}',
    `400 invalid_value ${at("metadata")}`,
  ],
  [
    "POST {keys}",
    '{"data":{"type":"api-key","attributes":{"name":"n","metadata":{"\\u0000":1}}}}',
    `400 invalid_value ${at("metadata")}`,
  ],
  ["POST {keys}", "x".repeat(1_048_577), "413 request_too_large"],
  [
    "POST {keys}",
    "a=b",
    "415 unsupported_media_type",
    { "content-type": "application/x-www-form-urlencoded" },
  ],
  ["POST {keys}", "{}", "415 unsupported_encoding", { "content-encoding": "gzip" }],
  ["POST {keys}", {}, "400 missing_required_parameter /data"],
  ["POST {keys}", "", "415 unsupported_media_type", { "content-type": "" }],
  ["POST {keys}", { data: [] }, "400 invalid_value /data"],
  ["POST {keys}", { data: {} }, "400 missing_required_parameter /data/type"],
  ["POST {keys}", { data: { type: "api-key", attributes: [] } }, "400 invalid_value /data/attributes"],
  [
    "POST {keys}",
    { data: { type: "api-key", relationships: {} } },
    "400 unknown_parameter /data/relationships",
  ],
  ["POST {keys}", { data: { type: "api-key" }, "a/b~c": 1 }, "400 unknown_parameter /a~1b~0c"],
  ["POST {keys}", resource("project", { name: "n" }), "409 type_conflict /data/type"],
  ["POST {keys}", resource("api-key", { name: "n" }, "key_000000000000"), "409 type_conflict /data/id"],
  ["PATCH {key}", resource("api-key", { name: "n" }, "key_000000000000"), "409 type_conflict /data/id"],
  ["GET {key}", undefined, "404 unknown_url", { "x-path": "/api/v1/nothing" }],
];

const KEYS: readonly Row[] = [
  ["POST {keys}", key({}), `400 missing_required_parameter ${at("name")}`],
  ["POST {keys}", key({ note: null }), `400 missing_required_parameter ${at("name")}`],
  [
    "POST {keys}",
    key({ name: "n", expiresAt: "2020-01-01T00:00:00Z" }),
    `400 invalid_value ${at("expiresAt")}`,
  ],
  [
    "POST {keys}",
    key({ name: "n", expires_at: "2020-01-01T00:00:00Z" }),
    `400 invalid_value ${at("expires_at")}`,
  ],
  [
    "POST {keys}",
    key({ name: "n", expires_at: null, expiresAt: null }),
    `400 invalid_value ${at("expires_at")}`,
  ],
  ["PATCH {key}", key({ expiresAt: "2020-01-01T00:00:00Z" }), `400 invalid_value ${at("expiresAt")}`],
  ["PATCH {key}", key({ name: null }), `400 invalid_value ${at("name")}`],
  ["PATCH {key}", key({ status: "active" }), `400 unknown_parameter ${at("status")}`],
  ["PATCH {key}", key({ projectId: "prj_000000000000" }), `400 unknown_parameter ${at("projectId")}`],
  ["POST {keys}", key({ name: "n", budgetPeriod: "daily" }), `400 invalid_value ${at("budgetPeriod")}`],
  ["POST {keys}", key({ name: "n", gatewayIds: ["gw_000000000000"] }), `404 not_found ${at("gatewayIds")}`],
  ["POST {keys}", key({ name: "n", ownerId: "mem_000000000000" }), `404 not_found ${at("ownerId")}`],
  ["PATCH {key}", key({ ownerId: "mem_000000000000" }), `404 not_found ${at("ownerId")}`],
  ["PATCH {key}", key({ gatewayIds: ["gw_000000000000"] }), `404 not_found ${at("gatewayIds")}`],
  [
    "POST {keys}",
    key({ name: "n", allowedModels: Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(256, "m")) }),
    `400 invalid_value ${at("allowedModels")}`,
  ],
  ["POST /projects/prj_000000000000/api-keys", key({ name: "n" }), "404 not_found"],
  [`GET ${NOBODY}`, undefined, "404 not_found"],
  [`PATCH ${NOBODY}`, key({ name: "n" }), "404 not_found"],
  [`DELETE ${NOBODY}`, undefined, "404 not_found"],
  [`POST ${NOBODY}/activate`, undefined, "404 not_found"],
  ["GET /api-keys/%00", undefined, "404 not_found"],
  ["GET /api-keys/'%20or%201=1", undefined, "404 not_found"],
  ["POST {key}/rotate", { graceSeconds: 604_801 }, "400 invalid_value /graceSeconds"],
  ["POST {key}/rotate", { graceSeconds: -1 }, "400 invalid_value /graceSeconds"],
  ["POST {key}/rotate", { graceSeconds: "60" }, "400 invalid_value /graceSeconds"],
  ["POST {key}/rotate", { grace: 1 }, "400 unknown_parameter /grace"],
  ["POST {key}/rotation/end", { now: true }, "400 unknown_parameter /now"],
  ["POST {key}/revoke", { inflight: "kill" }, "400 invalid_value /inflight"],
  ["POST {key}/revoke", { reason: "" }, "400 invalid_value /reason"],
  ["POST {key}/revoke", undefined, "400 invalid_header prefer", { prefer: "wait=soon" }],
  ["PATCH {key}", key({ name: "n" }), "409 edit_conflict", { "if-match": '"1.0"' }],
  ["PATCH {key}", key({ name: "n" }), "409 edit_conflict", { "if-match": 'W/"1.3"' }],
  ["GET {key}?fields=name", undefined, "400 unknown_parameter fields"],
];

const LLM = "/projects/{project}/llm-api-keys";
const llm = (attributes: object) => resource("llm-api-key", attributes);
const OTHERS: readonly Row[] = [
  ["POST /projects", resource("project", {}), `400 missing_required_parameter ${at("name")}`],
  ["POST /projects", resource("project", { name: "p", colour: 1 }), `400 unknown_parameter ${at("colour")}`],
  [
    "PATCH /projects/{project}",
    resource("project", { budgetUsd: "-1" }),
    `400 invalid_value ${at("budgetUsd")}`,
  ],
  ["PATCH /projects/{project}", resource("project", { enabled: "no" }), `400 invalid_value ${at("enabled")}`],
  ["DELETE /projects/{project}", undefined, "409 state_conflict"],
  ["DELETE /projects/{project}", { keys: "keep" }, "400 invalid_value /keys"],
  [`POST ${LLM}`, llm({}), `400 missing_required_parameter ${at("provider")}`],
  [`POST ${LLM}`, llm({ provider: "nobody", secretKey: "x" }), `400 invalid_value ${at("provider")}`],
  [`POST ${LLM}`, llm({ provider: "__proto__", secretKey: "x" }), `400 invalid_value ${at("provider")}`],
  [`POST ${LLM}`, llm({ provider: "openai" }), `400 missing_required_parameter ${at("secretKey")}`],
  [`POST ${LLM}`, llm({ provider: "openai", secretKey: "a b" }), `400 invalid_value ${at("secretKey")}`],
  [`POST ${LLM}`, llm({ provider: "openai", secretKey: "a\r\nb" }), `400 invalid_value ${at("secretKey")}`],
  [`POST ${LLM}`, llm({ provider: "openai-compatible" }), `400 missing_required_parameter ${at("baseUrl")}`],
  [
    `POST ${LLM}`,
    llm({ provider: "openai", secretKey: "x", baseUrl: "http://api.example.com" }),
    `400 invalid_value ${at("baseUrl")}`,
  ],
  [
    `POST ${LLM}`,
    llm({ provider: "openai", secretKey: "x", baseUrl: "http://127.0.0.1:19110" }),
    `400 invalid_value ${at("baseUrl")}`,
  ],
  [
    `POST ${LLM}`,
    llm({ provider: "openai", secretKey: "x", baseUrl: "https://u:p@api.example.com" }),
    `400 invalid_value ${at("baseUrl")}`,
  ],
  [
    `POST ${LLM}`,
    llm({ provider: "openai", secretKey: "x", baseUrl: "file:///etc/passwd" }),
    `400 invalid_value ${at("baseUrl")}`,
  ],
  [
    `POST ${LLM}`,
    llm({ provider: "openai", secretKey: "x", name: "A B" }),
    `400 invalid_value ${at("name")}`,
  ],
  [`POST ${LLM}`, llm({ provider: "sandbox" }), `409 name_conflict ${at("name")}`],
  ["PATCH {llm}", llm({ provider: "openai" }), `400 unknown_parameter ${at("provider")}`],
  [
    "PATCH {llm}",
    llm({ baseUrl: "https://evil.example" }),
    `400 missing_required_parameter ${at("secretKey")}`,
  ],
  ["POST {llm}/rotate", {}, "400 missing_required_parameter /secretKey"],
  [`GET ${LLM}/llm_000000000000`, undefined, "404 not_found"],
  ["GET /projects/prj_000000000000/llm-api-keys", undefined, "404 not_found"],
  [
    "POST /members",
    resource("member", { email: "nobody", role: "admin" }),
    `400 invalid_value ${at("email")}`,
  ],
  [
    "POST /members",
    resource("member", { email: "a@example.com", role: "king" }),
    `400 invalid_value ${at("role")}`,
  ],
  [
    "POST /members",
    resource("member", { email: "a@example.com" }),
    `400 missing_required_parameter ${at("role")}`,
  ],
  [
    "POST /members",
    resource("member", { email: "a@example.com", role: "viewer", password: "short" }),
    `400 invalid_value ${at("password")}`,
  ],
  ["PATCH /members/mem_000000000000", resource("member", { name: "x" }), "404 not_found"],
  ["DELETE /members/mem_000000000000", { keys: "deactivate" }, "404 not_found"],
  ["DELETE /members/mem_000000000000", {}, "400 missing_required_parameter /keys"],
  ["DELETE /members/mem_000000000000", { keys: "burn" }, "400 invalid_value /keys"],
  [
    "POST /personal-access-tokens",
    resource("personal-access-token", {}),
    `400 missing_required_parameter ${at("name")}`,
  ],
  [
    "POST /personal-access-tokens",
    resource("personal-access-token", { name: "t", expiresAt: "2020-01-01" }),
    `400 invalid_value ${at("expiresAt")}`,
  ],
  [
    "POST /sessions",
    resource("session", { email: "a@example.com" }),
    `400 missing_required_parameter ${at("password")}`,
  ],
  [
    "POST /sessions",
    resource("session", { email: "a\u0000", password: "x" }),
    `400 invalid_value ${at("email")}`,
  ],
  [
    "PATCH /organization",
    resource("organization", { auditPolicy: "maybe" }),
    `400 invalid_value ${at("auditPolicy")}`,
  ],
  [
    "PATCH /organization",
    resource("organization", { defaultMaxOutputTokens: 0 }),
    `400 invalid_value ${at("defaultMaxOutputTokens")}`,
  ],
  [
    "POST /organizations",
    resource("organization", { name: "x", adminEmail: "a@example.com", adminPassword: "x" }),
    "401 invalid_token",
  ],
  ["GET /models?filter[colour]=red", undefined, "400 unknown_parameter filter[colour]"],
];

/** Everything that a change could have changed. */
async function state(): Promise<unknown> {
  const [row] = await api.ports.db.execute(sql`
    select (select json_agg(h) from org_head h) as heads, (select count(*) from api_key) as keys,
      (select count(*) from member) as members, (select count(*) from llm_key) as llm_keys,
      (select count(*) from project) as projects, (select count(*) from personal_access_token) as tokens,
      (select count(*) from budget) as budgets, (select count(*) from session) as sessions`);
  return row;
}

test.each(
  [...BODIES, ...KEYS, ...OTHERS].map((row) => ({
    name: `${row[0]} ${JSON.stringify(row[1])?.slice(0, 80)}`,
    row,
  })),
)(
  "wrong input changes nothing and is answered at its place: $name",
  async ({ row: [target, body, refusal, headers = {}] }) => {
    const [method = "", template = ""] = target.split(" ");
    const path = template
      .replace("{keys}", `/projects/${tenant.projectId}/api-keys`)
      .replace("{key}", `/api-keys/${keyId}`)
      .replace("{llm}", `/llm-api-keys/${llmId}`)
      .replace("{project}", tenant.projectId);
    const before = await state();
    const heard = await api.call(method, headers["x-path"] ?? `/api/v1${path}`, {
      token: tenant.token,
      headers,
      ...(typeof body === "string" ? { raw: body } : body === undefined ? {} : { body }),
    });
    expect(heard.refusal).toBe(refusal);
    expect(heard.headers.get("content-type")).toBe("application/vnd.api+json");
    const [error] = heard.document.errors as { id: string }[];
    expect(error!.id).toBe(heard.headers.get("x-request-id"));
    expect(error!.id).toMatch(/^req_[0-9A-Za-z]{12}$/);
    expect(await state()).toEqual(before);
  },
);

test("several faults are told at once, each at its place", async () => {
  const heard = await api.call("POST", `/api/v1/projects/${tenant.projectId}/api-keys`, {
    token: tenant.token,
    body: key({ name: "", requestsPerMinute: -1, colour: "red" }),
  });
  const pointers = (heard.document.errors as { source: { pointer: string } }[]).map(
    ({ source }) => source.pointer,
  );
  expect(pointers.sort()).toEqual([at("colour"), at("name"), at("requestsPerMinute")]);
});
