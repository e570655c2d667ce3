/**
 * Every way to be refused, once: the rich reason inside is a code, and this table is what a stranger reads about it.
 * Messages are constant (`{names}` is filled with names that the caller may know) and say what to do. Gateway rows come
 * first, then those of the control plane's API. Source: PROTOCOL §4.3.
 */

import { type RefusalRow, row } from "./refusal-row.ts";

const invalid = row("invalid_request_error");
const forbidden = row("permission_error");
const limited = row("rate_limit_error");
const quota = row("insufficient_quota");
const unavailable = row("service_unavailable");
const upstream = row("upstream_error");

/** RFC 6750 §3: a credential was there and did not hold. */
const unauthenticated = (message: string): RefusalRow =>
  row("authentication_error")(401, message, { wwwAuthenticate: 'Bearer error="invalid_token"' });
/** RFC 6750 §3: no credential, so no error code either. */
const challenge = (message: string): RefusalRow =>
  row("authentication_error")(401, message, { wwwAuthenticate: "Bearer" });

const credentials = {
  missing_api_key: challenge("No API key was sent. Send it as `Authorization: Bearer <API key>`."),
  ambiguous_credentials: invalid(400, "Two headers carry different API keys. Send one of them."),
  malformed_api_key: unauthenticated(
    "The credential cannot be read. Send it as `Authorization: Bearer <API key>`.",
  ),
  invalid_api_key: unauthenticated("This API key is not valid. Check that it was copied whole."),
  key_revoked: unauthenticated("This API key was revoked. Ask for a new one."),
  key_inactive: unauthenticated("This API key is deactivated. Ask its owner to activate it."),
  key_expired: unauthenticated("This API key has expired. Ask its owner for a new expiry date or a new key."),
  key_rotated: unauthenticated("This API key was rotated. Use the new secret."),
  project_disabled: unauthenticated(
    "The project of this API key is disabled. Ask an administrator to enable it.",
  ),
  organization_disabled: unauthenticated(
    "The organization of this API key is disabled. Ask an administrator to enable it.",
  ),
  invalid_token: unauthenticated("This token is not valid. Ask for a new one."),
  token_expired: unauthenticated("This token has expired. Ask for a new one."),
  token_revoked: unauthenticated("This token was revoked. Ask for a new one."),
  parent_revoked: unauthenticated(
    "The API key that this token was made from was revoked. Ask for a new key.",
  ),
  parent_rotated: unauthenticated(
    "The API key that this token was made from was rotated. Ask for a new token.",
  ),
} as const;

const liveness = {
  authorization_stale: unavailable(
    503,
    "This gateway cannot prove that its list of API keys is current. Try again, or use another gateway.",
    { retryAfterSeconds: 10 },
  ),
  no_configuration: unavailable(
    503,
    "This gateway has no usable configuration yet. Try again, or use another gateway.",
    {
      retryAfterSeconds: 10,
    },
  ),
  config_behind: unavailable(
    503,
    "This gateway has not yet received the revision that was asked for. Try again.",
    {
      retryAfterSeconds: 1,
    },
  ),
  draining: unavailable(503, "This gateway is shutting down. Try again: the request goes to another one.", {
    retryAfterSeconds: 1,
    close: true,
  }),
  audit_unavailable: unavailable(
    503,
    "This gateway cannot write its audit log, so it serves nobody. Try again later.",
    {
      retryAfterSeconds: 10,
    },
  ),
  journal_unavailable: unavailable(503, "This gateway cannot record what requests cost. Try again later.", {
    retryAfterSeconds: 10,
  }),
  stream_too_long: unavailable(503, "The stream reached the longest time that this gateway keeps one open."),
  internal_error: row("server_error")(500, "Something went wrong on our side. Tell support the request id."),
} as const;

const rights = {
  gateway_not_allowed: forbidden(403, "This API key is not allowed on this gateway. Use one that it names."),
  ip_not_allowed: forbidden(403, "This API key is not allowed from this IP address."),
  model_not_allowed: forbidden(403, "This API key is not allowed to use this model.", { param: "model" }),
  provider_not_allowed: forbidden(403, "This API key is not allowed to use the provider of this model.", {
    param: "model",
  }),
  mcp_disabled: forbidden(403, "This API key is not allowed to use MCP."),
  mcp_server_not_allowed: forbidden(403, "This API key is not allowed to use this MCP server."),
  mcp_tool_not_allowed: forbidden(403, "This API key is not allowed to use this tool."),
  mcp_prompt_not_allowed: forbidden(403, "This API key is not allowed to use this prompt."),
  mcp_resource_not_allowed: forbidden(403, "This API key is not allowed to use this resource."),
} as const;

const requests = {
  unknown_url: invalid(404, "There is nothing at this address. Check method and path."),
  method_not_allowed: invalid(
    405,
    "This address does not take this method. The `Allow` header names those it takes.",
  ),
  request_too_large: invalid(413, "The request body is too large."),
  headers_too_large: invalid(431, "The request headers are larger than 16 KiB together.", { close: true }),
  request_timeout: invalid(408, "The request body took too long to arrive.", { close: true }),
  unsupported_media_type: invalid(
    415,
    "The request body must be JSON: send `Content-Type: application/json`.",
  ),
  unsupported_encoding: invalid(415, "The request body must not be compressed."),
  invalid_json: invalid(400, "The request body is not a JSON object that can be read in only one way."),
  invalid_multipart: invalid(
    400,
    "The request body is not multipart form data that can be read in only one way.",
  ),
  unsupported_surface: invalid(
    400,
    "The provider of this model does not serve this address. Those that work with it: {names}.",
    { param: "model" },
  ),
  missing_required_parameter: invalid(400, "A required parameter is missing."),
  invalid_type: invalid(400, "A parameter has the wrong type."),
  invalid_value: invalid(400, "A parameter has a value that is not allowed."),
  unknown_parameter: invalid(400, "The request has a parameter that is not taken here."),
  invalid_header: invalid(400, "A request header has a value that is not allowed."),
  invalid_revision: invalid(400, "Send `x-min-revision` as `<epoch>.<revision>`.", {
    param: "x-min-revision",
  }),
  model_not_found: invalid(404, "No LLM API key of this project serves this model.", { param: "model" }),
  ambiguous_model: invalid(400, "Several providers serve a model of this name. Ask for one of: {names}.", {
    param: "model",
  }),
  invalid_mcp_message: invalid(
    400,
    "The request body is not one JSON-RPC 2.0 message of MCP. Batches are not taken.",
  ),
  unknown_mcp_method: invalid(404, "This gateway does not pass on this MCP method."),
  session_not_found: invalid(404, "There is no such MCP session. Start a new one."),
} as const;

const spend = {
  unboundable_cost: invalid(
    400,
    "The cost of this request has no upper bound, and this API key has a budget.",
  ),
  request_exceeds_budget: quota(
    402,
    "This request may cost more than the whole budget. Ask for fewer output tokens.",
    {
      shouldRetry: false,
    },
  ),
  budget_exceeded: quota(
    402,
    "The budget is used up. Ask an administrator to raise it, or wait for the next period.",
    {
      shouldRetry: false,
    },
  ),
  budget_unavailable: unavailable(
    503,
    "This gateway holds no share of the budget at the moment. Try again.",
    {
      retryAfterSeconds: 5,
    },
  ),
  rate_limit_exceeded: limited(
    429,
    "The limit of this API key is reached: {names}. Slow down and try again.",
    {
      retryAfterSeconds: 1,
    },
  ),
} as const;

const upstreams = {
  upstream_blocked: upstream(502, "The provider's address is not one that this gateway may call.", {
    shouldRetry: false,
  }),
  provider_auth_failed: upstream(
    502,
    "The provider refused the organization's own LLM API key. Your API key is fine; tell an administrator.",
    { shouldRetry: false },
  ),
  provider_rate_limited: limited(
    429,
    "The provider limits the organization's requests. Slow down and try again.",
    {
      retryAfterSeconds: 1,
    },
  ),
  provider_error: upstream(502, "The provider answered with an error."),
  provider_timeout: upstream(504, "The provider did not answer in time."),
  provider_disconnected: upstream(502, "The provider closed the connection before its answer was complete."),
  provider_bad_response: upstream(502, "The provider's answer could not be read."),
  provider_response_too_large: upstream(502, "The provider's answer is larger than this gateway passes on.", {
    shouldRetry: false,
  }),
} as const;

const admin = {
  authentication_required: challenge(
    "Sign in, or send a personal access token as `Authorization: Bearer clvp_…`.",
  ),
  invalid_credentials: unauthenticated("E-mail and password do not match."),
  invalid_passkey: unauthenticated(
    "This passkey is not known here, or did not sign this challenge. Sign in in another way.",
  ),
  sign_in_expired: invalid(
    400,
    "This was begun too long ago, in another browser, or has ended already. Begin again.",
  ),
  single_sign_on_required: forbidden(
    403,
    "This organization signs in by a provider of its own. Use single sign-on.",
  ),
  invalid_origin: forbidden(403, "The request comes from another site than the dashboard."),
  not_found: invalid(404, "There is no such object."),
  type_conflict: invalid(409, "The `data.type` or `data.id` of the body is not that of this address.", {
    shouldRetry: false,
  }),
  edit_conflict: invalid(409, "It was changed meanwhile. Read it again and repeat the edit.", {
    shouldRetry: false,
  }),
  state_conflict: invalid(409, "This is not possible in its present state.", { shouldRetry: false }),
  name_conflict: invalid(409, "This name is taken.", { shouldRetry: false }),
  insufficient_role: forbidden(403, "This needs the role {names}."),
  idempotency_mismatch: invalid(422, "This Idempotency-Key was used for another request. Use a new one."),
  idempotency_in_progress: invalid(
    409,
    "The first request with this Idempotency-Key is still running. Try again.",
    {
      retryAfterSeconds: 1,
    },
  ),
  enrolment_used: invalid(409, "This enrolment token was used as often as it may be. Make a new one.", {
    shouldRetry: false,
  }),
  enrolment_expired: unauthenticated("This enrolment token has expired. Make a new one."),
  replica_conflict: invalid(409, "Two processes claim to be this replica. Stop one of them.", {
    shouldRetry: false,
  }),
  database_unavailable: unavailable(
    503,
    "The control plane's database does not answer. Try again; gateways go on without it.",
    { retryAfterSeconds: 5 },
  ),
  invalid_replica: unauthenticated(
    "No attached replica signed this call. Enrol it again if it was detached.",
  ),
  replica_clock: unauthenticated(
    "The call's time is not within 5 minutes of the control plane's. Sign it with the time in `claviger-time`.",
  ),
  replica_call_repeated: invalid(409, "This call was made before. Sign each call with a nonce of its own.", {
    shouldRetry: false,
  }),
} as const;

/** The whole table. */
export const refusals = {
  ...credentials,
  ...liveness,
  ...rights,
  ...requests,
  ...spend,
  ...upstreams,
  ...admin,
} as const satisfies Record<string, RefusalRow>;

export type RefusalCode = keyof typeof refusals;

/** One refusal: its row, and what only this one knows. */
export interface Refusal {
  readonly code: RefusalCode;
  /** The field at fault, when the row does not name it. */
  readonly param?: string;
  /** Fills `{names}`: model names, roles, or which limit (`requests`, `tokens`, `concurrency`). */
  readonly names?: readonly string[];
  /** Instead of the row's, in whole seconds. */
  readonly retryAfterSeconds?: number;
  /** Methods, for `method_not_allowed`. */
  readonly allow?: readonly string[];
  /** Instead of the row's message: for the control plane's API only, where the field's rule is worth saying. */
  readonly detail?: string;
}

const plain = new Map<RefusalCode, Refusal>(
  (Object.keys(refusals) as RefusalCode[]).map((code) => [code, Object.freeze({ code })]),
);

/** The refusal of that code; without details always the same object. */
export function refuse(code: RefusalCode, details?: Omit<Refusal, "code">): Refusal {
  return details === undefined ? (plain.get(code) as Refusal) : { code, ...details };
}
