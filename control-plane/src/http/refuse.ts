/** Every failure as the caller reads it. What was not expected becomes a 500 whose words are constant. */
import { ApiProblem, type Finding, problem } from "@claviger/shared/api/problem";
import { jsonApiProblemOf, problemOf } from "@claviger/shared/decide/problem";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Log } from "../ports.ts";
import { isAway } from "../status/is-away.ts";
import { type OAuthError, oauthError } from "./oauth.ts";
import type { ErrorShape } from "./route.ts";

/** The answer to a request that failed. */
export function failureResponse(error: unknown, shape: ErrorShape, requestId: string, log: Log): Response {
  if (error instanceof ApiProblem) return problemResponse(error, shape, requestId);
  if (isAway(error)) {
    log.warn({ requestId, ...safeFields(error) }, "the database does not answer");
    return problemResponse(problem("database_unavailable"), shape, requestId);
  }
  log.error({ requestId, ...safeFields(error) }, "unexpected error");
  return problemResponse(internalError(), shape, requestId);
}

function internalError(): ApiProblem {
  const detail = "Something went wrong on our side. Tell support the request id.";
  return new ApiProblem([{ code: "internal_error", detail }]);
}

function problemResponse(error: ApiProblem, shape: ErrorShape, requestId: string): Response {
  if (shape === "oauth") return oauthError(oauthErrorOf(error));
  const [first, ...rest] = error.findings;
  const { retryAfterSeconds, allow, resource, revision } = error.extra;
  const refusal: Refusal = {
    ...refusalOf(first),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(allow === undefined ? {} : { allow }),
  };
  if (shape === "gateway") {
    const { status, headers, body } = problemOf(refusal, "openai", requestId);
    return new Response(body, { status, headers });
  }
  const { status, headers, body } = jsonApiProblemOf([refusal, ...rest.map(refusalOf)], requestId);
  const document = JSON.parse(body) as { errors: { source?: object }[] };
  error.findings.forEach((finding, i) => {
    const source = sourceOf(finding);
    const entry = document.errors[i];
    if (source !== undefined && entry !== undefined) entry.source = source;
  });
  const present = resource === undefined ? {} : { meta: { resource, revision } };
  return new Response(JSON.stringify({ ...document, ...present }), { status, headers });
}

function oauthErrorOf({ code }: ApiProblem): OAuthError {
  if (code === "database_unavailable") return "temporarily_unavailable";
  return code === "internal_error" ? "server_error" : "invalid_request";
}

function refusalOf(finding: Finding): Refusal {
  const { code, detail, pointer } = finding;
  return refuse(code, { detail, ...(pointer === undefined ? {} : { param: pointer }) });
}

function sourceOf({ parameter, header }: Finding): object | undefined {
  if (parameter !== undefined) return { parameter };
  return header === undefined ? undefined : { header };
}

/** A failed query's message carries its parameters, our hashes among them; the database's own message does not. */
function safeFields(error: unknown): object {
  if (!(error instanceof Error)) return { error: "not an Error" };
  const root = error.cause instanceof Error ? error.cause : error;
  const code = "code" in root ? root.code : undefined;
  return { error: root.name, code, detail: root.message, stack: root.stack?.split("\n").slice(1, 8) };
}
