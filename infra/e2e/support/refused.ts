/** What a refusal of the gateway must look like, to the byte, on OpenAI's and on Anthropic's routes (PROTOCOL §4.3). */
import { expect } from "vitest";
import { type RawAnswer, requestBytes, sendRaw } from "./raw-http.ts";

export type Surface = "openai" | "anthropic";

export interface Expected {
  readonly status: number;
  readonly code: string;
  /** As in the table: IR, AU, PE, RL, SU, UP. */
  readonly type: "IR" | "AU" | "PE" | "RL" | "SU" | "UP";
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string | RegExp>>;
}

const OPENAI_TYPE = {
  IR: "invalid_request_error",
  AU: "authentication_error",
  PE: "permission_error",
  RL: "rate_limit_error",
  SU: "service_unavailable",
  UP: "upstream_error",
} as const;

/** https://docs.anthropic.com/en/api/errors: the type follows the status. */
function anthropicTypes(status: number): string[] {
  const byStatus: Readonly<Record<number, string[]>> = {
    401: ["authentication_error"],
    403: ["permission_error"],
    404: ["not_found_error"],
    413: ["request_too_large"],
    429: ["rate_limit_error"],
    503: ["overloaded_error", "api_error"],
    504: ["timeout_error", "api_error"],
  };
  return byStatus[status] ?? (status >= 500 ? ["api_error"] : ["invalid_request_error"]);
}

function expectOpenai(answer: RawAnswer, expected: Expected): void {
  const { code, type, param } = expected;
  const text = answer.body.toString("utf8");
  const message = (answer.json as { error?: { message?: unknown } } | undefined)?.error?.message;
  const error = { message: expect.any(String), type: OPENAI_TYPE[type], param: param ?? null, code };
  expect(answer.json).toStrictEqual({ error });
  const exact = JSON.stringify({ error: { message, type: OPENAI_TYPE[type], param: param ?? null, code } });
  expect(text).toBe(exact);
}

function expectAnthropic(answer: RawAnswer, expected: Expected): void {
  const body = answer.json as { error?: { type?: unknown; message?: unknown } } | undefined;
  const { type, message } = body?.error ?? {};
  expect(anthropicTypes(expected.status)).toContain(type);
  expect(message).toEqual(expect.any(String));
  const request_id = answer.headers.get("x-request-id");
  const exact = { type: "error", error: { type, message }, request_id };
  expect(answer.body.toString("utf8")).toBe(JSON.stringify(exact));
}

/** Status, body and headers of a refusal; `secrets` must stand nowhere in it. */
export function expectRefusal(
  answer: RawAnswer,
  surface: Surface,
  expected: Expected,
  gateway: string,
  secrets: readonly string[],
): void {
  const seen = `${answer.status} ${answer.body.toString("utf8")}`;
  expect(seen).toMatch(new RegExp(`^${expected.status} `));
  if (surface === "openai") expectOpenai(answer, expected);
  else expectAnthropic(answer, expected);
  expect(answer.headers.get("content-type")).toMatch(/^application\/json(; ?charset=utf-8)?$/i);
  expect(answer.headers.get("x-request-id")).toMatch(/^[\w-]{8,}$/);
  expect(answer.headers.get("x-claviger-gateway")).toBe(gateway);
  expect(answer.headers.get("x-claviger-code")).toBe(expected.code);
  expect(answer.headers.has("x-claviger-key")).toBe(false);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    if (typeof value === "string") expect(`${name}: ${answer.headers.get(name)}`).toBe(`${name}: ${value}`);
    else expect(answer.headers.get(name)).toMatch(value);
  }
  for (const secret of secrets.filter((each) => each !== "")) expect(seen).not.toContain(secret);
}

export const PATHS: Readonly<Record<Surface, string>> = {
  openai: "/v1/chat/completions",
  anthropic: "/v1/messages",
};

/** A body that both surfaces accept. */
export function goodBody(changes: Readonly<Record<string, unknown>> = {}): string {
  const messages = [{ role: "user", content: "hello" }];
  return JSON.stringify({ model: "sandbox/echo", max_tokens: 8, messages, ...changes });
}

/** Posts to a surface; the credential goes as a Bearer on OpenAI's, as `x-api-key` on Anthropic's routes. */
export function post(
  url: string,
  surface: Surface,
  secret: string | null,
  body: Uint8Array | string = goodBody(),
  headers: readonly (readonly [string, string])[] = [],
): Promise<RawAnswer> {
  const credential: [string, string][] =
    secret === null
      ? []
      : [surface === "openai" ? ["Authorization", `Bearer ${secret}`] : ["x-api-key", secret]];
  const version: [string, string][] = surface === "anthropic" ? [["anthropic-version", "2023-06-01"]] : [];
  const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
  const type: [string, string][] = typed ? [] : [["Content-Type", "application/json"]];
  return sendRaw(
    url,
    requestBytes("POST", PATHS[surface], [...credential, ...version, ...type, ...headers], body),
  );
}
