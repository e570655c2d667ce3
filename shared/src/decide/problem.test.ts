import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonApiProblemOf, problemEventOf, problemOf } from "./problem.ts";
import type { RefusalRow } from "./refusal-row.ts";
import { type Refusal, type RefusalCode, refusals, refuse } from "./refusals.ts";

const codes = Object.keys(refusals) as RefusalCode[];

/** PROTOCOL §4.3, and what its notes on retrying say: code → status, type. */
const expected: Partial<Record<RefusalCode, [number, string]>> = {
  missing_api_key: [401, "authentication_error"],
  ambiguous_credentials: [400, "invalid_request_error"],
  malformed_api_key: [401, "authentication_error"],
  invalid_api_key: [401, "authentication_error"],
  authorization_stale: [503, "service_unavailable"],
  key_revoked: [401, "authentication_error"],
  key_inactive: [401, "authentication_error"],
  key_expired: [401, "authentication_error"],
  key_rotated: [401, "authentication_error"],
  project_disabled: [401, "authentication_error"],
  organization_disabled: [401, "authentication_error"],
  gateway_not_allowed: [403, "permission_error"],
  no_configuration: [503, "service_unavailable"],
  config_behind: [503, "service_unavailable"],
  invalid_revision: [400, "invalid_request_error"],
  invalid_token: [401, "authentication_error"],
  token_expired: [401, "authentication_error"],
  token_revoked: [401, "authentication_error"],
  parent_revoked: [401, "authentication_error"],
  parent_rotated: [401, "authentication_error"],
  ip_not_allowed: [403, "permission_error"],
  unknown_url: [404, "invalid_request_error"],
  method_not_allowed: [405, "invalid_request_error"],
  request_too_large: [413, "invalid_request_error"],
  headers_too_large: [431, "invalid_request_error"],
  request_timeout: [408, "invalid_request_error"],
  unsupported_media_type: [415, "invalid_request_error"],
  unsupported_encoding: [415, "invalid_request_error"],
  invalid_json: [400, "invalid_request_error"],
  missing_required_parameter: [400, "invalid_request_error"],
  invalid_type: [400, "invalid_request_error"],
  model_not_allowed: [403, "permission_error"],
  provider_not_allowed: [403, "permission_error"],
  model_not_found: [404, "invalid_request_error"],
  ambiguous_model: [400, "invalid_request_error"],
  invalid_value: [400, "invalid_request_error"],
  unboundable_cost: [400, "invalid_request_error"],
  request_exceeds_budget: [402, "insufficient_quota"],
  budget_exceeded: [402, "insufficient_quota"],
  budget_unavailable: [503, "service_unavailable"],
  rate_limit_exceeded: [429, "rate_limit_error"],
  unknown_parameter: [400, "invalid_request_error"],
  invalid_header: [400, "invalid_request_error"],
  mcp_disabled: [403, "permission_error"],
  mcp_server_not_allowed: [403, "permission_error"],
  mcp_tool_not_allowed: [403, "permission_error"],
  session_not_found: [404, "invalid_request_error"],
  upstream_blocked: [502, "upstream_error"],
  provider_auth_failed: [502, "upstream_error"],
  provider_rate_limited: [429, "rate_limit_error"],
  provider_error: [502, "upstream_error"],
  provider_timeout: [504, "upstream_error"],
  provider_disconnected: [502, "upstream_error"],
  provider_bad_response: [502, "upstream_error"],
  provider_response_too_large: [502, "upstream_error"],
  stream_too_long: [503, "service_unavailable"],
  audit_unavailable: [503, "service_unavailable"],
  journal_unavailable: [503, "service_unavailable"],
  draining: [503, "service_unavailable"],
  internal_error: [500, "server_error"],
  not_found: [404, "invalid_request_error"],
  type_conflict: [409, "invalid_request_error"],
  edit_conflict: [409, "invalid_request_error"],
  insufficient_role: [403, "permission_error"],
  idempotency_mismatch: [422, "invalid_request_error"],
  idempotency_in_progress: [409, "invalid_request_error"],
  enrolment_used: [409, "invalid_request_error"],
  enrolment_expired: [401, "authentication_error"],
};

describe("the table", () => {
  test.each(Object.entries(expected))("%s is %j", (code, [status, type]) => {
    expect(refusals[code as RefusalCode]).toMatchObject({ status, type });
  });

  test.each(codes)(
    "%s says what to do in one constant sentence or two, and no status without its headers",
    (code) => {
      const row: RefusalRow = refusals[code];
      expect(row.message).toMatch(/^[A-Z].*\.$/);
      expect(row.message.length).toBeLessThan(160);
      expect(row.message).not.toMatch(/upstream|grant|hash|NATS|Postgres/i);
      if (row.status === 401) expect(row.wwwAuthenticate).toMatch(/^Bearer/);
      expect(row.retryAfterSeconds !== undefined && row.shouldRetry === false).toBe(false);
      if (row.status === 503 && code !== "stream_too_long") expect(row.retryAfterSeconds).toBeGreaterThan(0);
    },
  );

  test("the waits of §4.3", () => {
    expect(refusals.authorization_stale.retryAfterSeconds).toBe(10);
    expect(refusals.config_behind.retryAfterSeconds).toBe(1);
    expect(refusals.budget_unavailable.retryAfterSeconds).toBe(5);
  });
});

describe("bodies, to the byte", () => {
  const refusal = refuse("ambiguous_model", { names: ["openai/gpt", "azure/gpt"] });
  const message = "Several providers serve a model of this name. Ask for one of: openai/gpt, azure/gpt.";

  test("OpenAI", () => {
    expect(problemOf(refusal, "openai", "req_1").body).toBe(
      `{"error":{"message":"${message}","type":"invalid_request_error","param":"model","code":"ambiguous_model"}}`,
    );
  });

  test("Anthropic", () => {
    expect(problemOf(refusal, "anthropic", "req_1").body).toBe(
      `{"type":"error","error":{"type":"invalid_request_error","message":"${message}"},"request_id":"req_1"}`,
    );
  });

  test("Gemini", () => {
    expect(problemOf(refusal, "gemini", "req_1").body).toBe(
      `{"error":{"code":400,"message":"${message}","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ambiguous_model","domain":"claviger","metadata":{"param":"model"}}]}}`,
    );
  });

  test("JSON:API, several at once", () => {
    const problem = jsonApiProblemOf(
      [
        refuse("invalid_value", { param: "ipAllowlist", detail: "`::ffff:0:0/0` is no range." }),
        refuse("unknown_parameter", { param: "/data/attributes/a~1b" }),
        refuse("invalid_value", { param: "a/b~c" }),
      ],
      "req_1",
    );
    expect(problem.status).toBe(400);
    expect(problem.headers["content-type"]).toBe("application/vnd.api+json");
    const detail = refusals.unknown_parameter.message;
    const plain = refusals.invalid_value.message;
    const common = '{"id":"req_1","status":"400"';
    expect(problem.body).toBe(
      `{"errors":[${[
        `${common},"code":"invalid_value","title":"Invalid request","detail":"\`::ffff:0:0/0\` is no range.","source":{"pointer":"/data/attributes/ipAllowlist"}}`,
        `${common},"code":"unknown_parameter","title":"Invalid request","detail":"${detail}","source":{"pointer":"/data/attributes/a~1b"}}`,
        `${common},"code":"invalid_value","title":"Invalid request","detail":"${plain}","source":{"pointer":"/data/attributes/a~1b~0c"}}`,
      ].join(",")}]}`,
    );
  });

  test("a stream that has begun ends with the same body as an event", () => {
    const openai = problemOf(refusal, "openai", "req_1").body;
    const anthropic = problemOf(refusal, "anthropic", "req_1").body;
    expect(problemEventOf(refusal, "openai", "req_1")).toBe(`data: ${openai}\n\n`);
    expect(problemEventOf(refusal, "anthropic", "req_1")).toBe(
      `event: error\ndata: ${anthropic}\n: x-claviger-code: ambiguous_model\n\n`,
    );
    const gemini = problemOf(refusal, "gemini", "req_1").body;
    expect(problemEventOf(refusal, "gemini", "req_1")).toBe(`data: ${gemini}\n\n`);
    expect(problemEventOf(refusal, "openai responses", "req_1")).toBe(
      `event: error\ndata: {"type":"error","sequence_number":0,${openai.slice(1)}\n\n`,
    );
  });
});

describe("I19: every problem", () => {
  const dialects = ["openai", "anthropic", "gemini"] as const;
  test.each(codes)("%s has its shape, the request id and its headers on every surface", (code) => {
    const row: RefusalRow = refusals[code];
    for (const dialect of dialects) {
      const { status, headers, body } = problemOf(refuse(code), dialect, "req_7");
      expect(status).toBe(row.status);
      expect(headers).toMatchObject({ "content-type": "application/json", "x-request-id": "req_7" });
      expect(headers["retry-after"]).toBe(row.retryAfterSeconds?.toString());
      expect(headers["x-should-retry"]).toBe(row.shouldRetry === false ? "false" : undefined);
      const parsed = JSON.parse(body);
      expect(parsed.error.message).toBeTypeOf("string");
      expect(headers["x-claviger-code"]).toBe(code);
      if (dialect === "openai") expect(parsed.error.code).toBe(code);
      else if (dialect === "anthropic") expect(Object.keys(parsed.error)).toEqual(["type", "message"]);
      else expect(parsed.error).toMatchObject({ code: row.status, details: [{ reason: code }] });
      expect(parsed.error.status).not.toBe("UNKNOWN");
    }
  });

  test("names that a caller brought cannot break out of an event or a header", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), fc.string(), (names, param) => {
        const refusal: Refusal = refuse("ambiguous_model", { names, param });
        const event = problemEventOf(refusal, "openai", "req_1");
        expect(event.slice(0, -2)).not.toMatch(/[\r\n]/);
        expect(JSON.parse(event.slice(6)).error.param).toBe(param);
        const { headers } = problemOf(refusal, "openai", "req_1");
        expect(Object.keys(headers)).toEqual(["content-type", "x-request-id", "x-claviger-code"]);
      }),
    );
  });
});
