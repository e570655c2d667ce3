import { afterAll, beforeAll, expect, test } from "vitest";
import {
  at,
  type InputTrial,
  newKey,
  resource,
  startInputTrial,
  type WrongRow,
} from "./support/wrong-input.ts";

let trial: InputTrial;
beforeAll(async () => {
  trial = await startInputTrial();
});
afterAll(() => trial?.end());

const NOBODY = "/api-keys/key_000000000000";
const named = resource("api-key", { name: "n" });
const twice = '{"data":{"type":"api-key","type":"project","attributes":{"name":"n"}}}';
const otherId = { data: { type: "api-key", id: "key_000000000000", attributes: { name: "n" } } };
const wrongType = "400 invalid_value|invalid_type";
const missing = "400 missing_required_parameter|invalid_type";

const KEYS: readonly WrongRow[] = [
  ["no JSON", "POST {keys}", "{", "400 invalid_json"],
  ["a member twice", "POST {keys}", twice, "400 invalid_json"],
  [
    "another media type",
    "POST {keys}",
    "a=b",
    "415 unsupported_media_type",
    undefined,
    { "content-type": "text/plain" },
  ],
  ["no data", "POST {keys}", {}, missing, "/data"],
  ["a member beside data", "POST {keys}", { ...(newKey() as object), x: 1 }, "400 unknown_parameter", "/x"],
  ["neither name nor note", "POST {keys}", resource("api-key", {}), missing, at("name")],
  ["another type", "POST {keys}", resource("project", { name: "n" }), "409 type_conflict", "/data/type"],
  ["an unknown project", "POST /projects/prj_000000000000/api-keys", newKey(), "404 not_found"],
  ["an unknown key to read", `GET ${NOBODY}`, undefined, "404 not_found"],
  ["an unknown key to edit", `PATCH ${NOBODY}`, named, "404 not_found"],
  ["an unknown key to delete", `DELETE ${NOBODY}`, undefined, "404 not_found"],
  ["an unknown key to revoke", `POST ${NOBODY}/revoke`, undefined, "404 not_found"],
  ["an unknown key to rotate", `POST ${NOBODY}/rotate`, undefined, "404 not_found"],
  ["an id that is no id", "GET /api-keys/%00", undefined, "404 not_found|unknown_url"],
  ["another id in an edit", "PATCH {key}", otherId, "409 id_conflict|type_conflict", "/data/id"],
  ["an older revision", "PATCH {key}", named, "409 edit_conflict", undefined, { "if-match": '"1.0"' }],
  ["a grace beyond seven days", "POST {key}/rotate", { graceSeconds: 604_801 }, wrongType, "/graceSeconds"],
  ["a negative grace", "POST {key}/rotate", { graceSeconds: -1 }, wrongType, "/graceSeconds"],
  ["an unknown member of rotate", "POST {key}/rotate", { grace: 1 }, "400 unknown_parameter", "/grace"],
  ["an inflight that is none", "POST {key}/revoke", { inflight: "kill" }, wrongType, "/inflight"],
  ["a reason that is a number", "POST {key}/deactivate", { reason: 1 }, wrongType, "/reason"],
  ["an unknown filter", "GET /api-keys?filter[colour]=red", undefined, "400 invalid_value|unknown_parameter"],
  ["a page of 201", "GET /api-keys?page[size]=201", undefined, wrongType],
  ["a page after nothing", "GET /api-keys?page[after]=%7B", undefined, wrongType],
  ["an unknown sort", "GET /api-keys?sort=colour", undefined, wrongType],
  ["an unknown status", "GET /api-keys?filter[status]=tired", undefined, wrongType],
  ["an unknown path", "GET /nothing", undefined, "404 unknown_url"],
  ["a method that is not there", "PUT {key}", named, "405 method_not_allowed"],
];
test.each(KEYS.map((row) => ({ name: row[0], row })))("API keys: $name", ({ row }) => trial.refuses(row));

const POLICY = resource("organization", { auditPolicy: "maybe" });
const LLM = "{project}/llm-api-keys";
const TOKENS = "POST /personal-access-tokens";
const ENROL = "POST /gateways/enrolment-tokens";
const OTHERS: readonly WrongRow[] = [
  ["a project without a name", "POST /projects", resource("project", {}), missing, at("name")],
  [
    "an unknown attribute",
    "POST /projects",
    resource("project", { name: "p", x: 1 }),
    "400 unknown_parameter",
    at("x"),
  ],
  ["a wrong budget", "PATCH {project}", resource("project", { budgetUsd: "-1" }), wrongType, at("budgetUsd")],
  ["an unknown project", "GET /projects/prj_000000000000", undefined, "404 not_found"],
  [
    "an unknown provider",
    `POST ${LLM}`,
    resource("llm-api-key", { provider: "nobody", secretKey: "x" }),
    wrongType,
    at("provider"),
  ],
  [
    "blanks in a credential",
    `POST ${LLM}`,
    resource("llm-api-key", { provider: "openai", secretKey: "a b" }),
    wrongType,
    at("secretKey"),
  ],
  ["a name that is no slug", "PATCH {llm}", resource("llm-api-key", { name: "A B" }), wrongType, at("name")],
  ["an unknown LLM key", `DELETE ${LLM}/llm_000000000000`, undefined, "404 not_found"],
  [
    "no e-mail address",
    "POST /members",
    resource("member", { email: "nobody", role: "admin" }),
    wrongType,
    at("email"),
  ],
  [
    "an unknown role",
    "POST /members",
    resource("member", { email: "a@example.com", role: "king" }),
    wrongType,
    at("role"),
  ],
  ["a token without a name", TOKENS, resource("personal-access-token", {}), missing, at("name")],
  ["an unknown policy", "PATCH /organization", POLICY, wrongType, at("auditPolicy")],
  [
    "an enrolment for 65 replicas",
    ENROL,
    { name: "ap-1", region: "ap", replicas: 65 },
    wrongType,
    "/replicas",
  ],
  ["an enrolment without a name", ENROL, { region: "ap" }, missing, "/name"],
  ["an unknown gateway", "GET /gateways/gw_000000000000", undefined, "404 not_found"],
  ["an unknown operation", "GET /operations/op_000000000000", undefined, "404 not_found"],
];
test.each(OTHERS.map((row) => ({ name: row[0], row })))("other nouns: $name", ({ row }) =>
  trial.refuses(row),
);

test("credentials: none, wrong, and the operator's token where a member is asked", async () => {
  const { admin, stack } = trial.world;
  const before = await trial.state();
  for (const authorization of [
    undefined,
    "Bearer clvp_wrong",
    `Bearer ${stack.operatorToken}`,
    "Basic YTpi",
  ]) {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const answer = await fetch(`${admin.url}/api/v1/api-keys`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("content-type")).toMatch(/^application\/vnd\.api\+json/);
    expect(((await answer.json()) as { errors: unknown[] }).errors).toHaveLength(1);
  }
  expect(await trial.state()).toEqual(before);
});

test("a role that is too low is told which one is needed, and changes nothing", async () => {
  const { admin } = trial.world;
  const made = await admin.call(
    "POST",
    "/personal-access-tokens",
    resource("personal-access-token", { name: "low", role: "viewer" }),
  );
  expect(`${made.status} ${made.text}`).toMatch(/^201 /);
  const token = (made.json as { meta: { secretKey: string } }).meta.secretKey;
  const before = await trial.state();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await admin.call("POST", trial.path("{keys}"), newKey(), headers);
  expect(`${answer.status} ${answer.text}`).toMatch(/^403 .*member/);
  expect(answer.json).toMatchObject({ errors: [{ code: "insufficient_role" }] });
  expect((await admin.call("POST", trial.path("{key}/revoke"), undefined, headers)).status).toBe(403);
  expect(await trial.state()).toEqual(before);
});

test("Idempotency-Key: the replay is the first answer without the secret; another body is a 422", async () => {
  const { admin } = trial.world;
  const headers = { "idempotency-key": `e2e-${Date.now()}` };
  const create = (name: string) => admin.call("POST", trial.path("{keys}"), newKey({ name }), headers);
  const first = await create("once");
  expect(`${first.status} ${first.text}`).toMatch(/^201 /);
  const before = await trial.state();
  const replay = await create("once");
  expect(replay.status).toBe(201);
  const firstBody = first.json as { data: unknown; meta: { secretKey: string; secretShown?: boolean } };
  const replayBody = replay.json as typeof firstBody;
  expect(replayBody.data).toEqual(firstBody.data);
  expect(replayBody.meta.secretKey).toBeUndefined();
  expect(replayBody.meta.secretShown).toBe(true);
  expect(replay.text).not.toContain(firstBody.meta.secretKey);
  const other = await create("twice");
  expect(`${other.status} ${other.text}`).toMatch(/^422 .*idempotency_mismatch/);
  expect(await trial.state()).toEqual(before);
});
