/** How each vendor says that it refuses, and which models it has. */
import type { Fault } from "./dialect.ts";

export type Vendor = "openai" | "anthropic" | "gemini";

const ANTHROPIC_TYPE = {
  authentication: "authentication_error",
  invalid: "invalid_request_error",
  not_found: "not_found_error",
  rate_limit: "rate_limit_error",
  server: "api_error",
} as const;
const OPENAI_TYPE = {
  authentication: "invalid_request_error",
  invalid: "invalid_request_error",
  not_found: "invalid_request_error",
  rate_limit: "requests",
  server: "server_error",
} as const;
const OPENAI_CODE = {
  authentication: "invalid_api_key",
  invalid: null,
  not_found: "model_not_found",
  rate_limit: "rate_limit_exceeded",
  server: null,
} as const;
const GEMINI_STATUS = {
  authentication: "UNAUTHENTICATED",
  invalid: "INVALID_ARGUMENT",
  not_found: "NOT_FOUND",
  rate_limit: "RESOURCE_EXHAUSTED",
  server: "INTERNAL",
} as const;

/** A refusal in the vendor's own shape. */
export function faultBody(vendor: Vendor, fault: Fault, requestId: string): unknown {
  const { status, kind, message } = fault;
  if (vendor === "anthropic") {
    return { type: "error", error: { type: ANTHROPIC_TYPE[kind], message }, request_id: requestId };
  }
  if (vendor === "gemini") return { error: { code: status, message, status: GEMINI_STATUS[kind] } };
  return { error: { message, type: OPENAI_TYPE[kind], param: null, code: OPENAI_CODE[kind] } };
}

/** The fault that a steered status stands for. */
export function steeredFault(status: number): Fault {
  const message = `The sandbox was asked to answer ${status}.`;
  if (status === 401 || status === 403) return { status, kind: "authentication", message };
  if (status === 404) return { status, kind: "not_found", message };
  if (status === 429) return { status, kind: "rate_limit", message };
  return { status, kind: status >= 500 ? "server" : "invalid", message };
}

const MODELS = ["echo", "story", "embed"];
const CREATED_AT = "2026-01-01T00:00:00Z";

/** The vendor's list of models; never billed. */
export function modelList(vendor: Vendor): unknown {
  if (vendor === "gemini") {
    const methods = (id: string) =>
      id === "embed"
        ? ["embedContent", "batchEmbedContents"]
        : ["generateContent", "streamGenerateContent", "countTokens"];
    return {
      models: MODELS.map((id) => ({
        name: `models/${id}`,
        displayName: id,
        supportedGenerationMethods: methods(id),
      })),
    };
  }
  if (vendor === "anthropic") {
    const data = MODELS.map((id) => ({ type: "model", id, display_name: id, created_at: CREATED_AT }));
    return { data, has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) };
  }
  const created = Date.parse(CREATED_AT) / 1_000;
  return {
    object: "list",
    data: MODELS.map((id) => ({ id, object: "model", created, owned_by: "sandbox" })),
  };
}
