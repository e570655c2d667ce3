/**
 * Every answer of the control plane's API that is not a success: one closed table from code to status and title
 * (PROTOCOL §4.3, rows marked Admin). The detail and the pointer come from whoever refuses.
 */

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

const kinds = {
  invalid_json: { status: 400, title: "The body is not valid JSON" },
  invalid_type: { status: 400, title: "A member has the wrong type" },
  invalid_value: { status: 400, title: "A member has a value that is not allowed" },
  missing_required_parameter: { status: 400, title: "A required member is missing" },
  unknown_parameter: { status: 400, title: "A member is not known here" },
  invalid_header: { status: 400, title: "A header is malformed" },
  missing_credentials: { status: 401, title: "Credentials are required" },
  invalid_credentials: { status: 401, title: "The credentials are not valid" },
  invalid_token: { status: 401, title: "The token is not valid" },
  token_expired: { status: 401, title: "The token has expired" },
  session_expired: { status: 401, title: "The session has ended" },
  ambiguous_credentials: { status: 400, title: "Two different credentials were sent" },
  organization_disabled: { status: 401, title: "The organization is disabled" },
  enrolment_invalid: { status: 401, title: "The enrolment token is not valid" },
  enrolment_expired: { status: 401, title: "The enrolment token has expired" },
  insufficient_role: { status: 403, title: "The role is not sufficient" },
  cross_site_request: { status: 403, title: "The request came from another site" },
  not_found: { status: 404, title: "Not found" },
  unknown_url: { status: 404, title: "No such URL" },
  method_not_allowed: { status: 405, title: "The method is not allowed here" },
  not_acceptable: { status: 406, title: "No acceptable representation" },
  request_timeout: { status: 408, title: "The request took too long to arrive" },
  type_conflict: { status: 409, title: "The resource type does not fit the URL" },
  id_conflict: { status: 409, title: "The id does not fit the URL" },
  edit_conflict: { status: 409, title: "The resource has changed since it was read" },
  name_taken: { status: 409, title: "The name is taken" },
  state_conflict: { status: 409, title: "The present state does not allow this" },
  last_owner: { status: 409, title: "The organization needs an owner" },
  idempotency_in_progress: { status: 409, title: "A request with this Idempotency-Key is still running" },
  enrolment_used: { status: 409, title: "The enrolment token is used up" },
  replica_conflict: { status: 409, title: "Another copy of this replica is running" },
  request_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The media type is not supported" },
  unsupported_encoding: { status: 415, title: "The content encoding is not supported" },
  idempotency_mismatch: { status: 422, title: "The Idempotency-Key was used for another request" },
  rate_limit_exceeded: { status: 429, title: "Too many requests" },
  internal_error: { status: 500, title: "Internal error" },
  service_unavailable: { status: 503, title: "The service is not available" },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof kinds;

/** Status and title of a code. */
export function problemKind(code: ProblemCode): ProblemKind {
  return kinds[code];
}

/** One finding: `pointer` is a JSON pointer into the body, `parameter` a query parameter, `header` a header. */
export interface Finding {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
}

/** The one error that verbs throw: an outcome that the caller is told about, in words meant for strangers. */
export class ApiProblem extends Error {
  readonly findings: readonly [Finding, ...Finding[]];
  /** The present resource, with `edit_conflict`. */
  readonly resource: unknown;
  /** Seconds, sent as `retry-after`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    findings: readonly [Finding, ...Finding[]],
    extra: { resource?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(findings[0].detail);
    this.name = "ApiProblem";
    this.findings = findings;
    this.resource = extra.resource;
    this.retryAfterSeconds = extra.retryAfterSeconds;
  }

  get code(): ProblemCode {
    return this.findings[0].code;
  }
}

/** A problem with one finding and no place in the body. */
export function problem(code: ProblemCode, detail: string): ApiProblem {
  return new ApiProblem([{ code, detail }]);
}

/** `invalid_value` at `/data/attributes/<attribute>`. */
export function invalidAttribute(attribute: string, detail: string): ApiProblem {
  return new ApiProblem([{ code: "invalid_value", detail, pointer: `/data/attributes/${attribute}` }]);
}

/** Foreign and unknown ids get the same answer, so that ids tell nothing. */
export function notFound(noun: string): ApiProblem {
  return problem("not_found", `There is no such ${noun}.`);
}
