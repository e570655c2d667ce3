/**
 * What an MCP client reads of a refusal: a JSON-RPC 2.0 error response with the code of the table in `data`, and the HTTP
 * status of the table. Numbers between −32010 and −32015 are ours (JSON-RPC 2.0 §5.1, "Server error").
 */
import type { RefusalRow, RefusalType } from "./refusal-row.ts";
import { type Refusal, type RefusalCode, refusals } from "./refusals.ts";

/** Of a request; null where none could be read. */
export type JsonRpcId = string | number | null;

const BY_TYPE: Readonly<Record<RefusalType, number>> = {
  invalid_request_error: -32600,
  authentication_error: -32010,
  permission_error: -32011,
  rate_limit_error: -32012,
  insufficient_quota: -32013,
  service_unavailable: -32014,
  upstream_error: -32015,
  server_error: -32603,
};

const BY_CODE: Readonly<Partial<Record<RefusalCode, number>>> = {
  invalid_json: -32700,
  unknown_mcp_method: -32601,
  invalid_value: -32602,
  // As the reference implementations number it.
  session_not_found: -32001,
};

/** Where the table speaks of a provider and its key, at an address of MCP there is a server and its credential. */
export const MCP_MESSAGES: Readonly<Partial<Record<RefusalCode, string>>> = {
  upstream_blocked: "The MCP server's address is not one that this gateway may call.",
  provider_auth_failed:
    "The MCP server refused the organization's own credential. Your API key is fine; tell an administrator.",
  provider_rate_limited: "The MCP server limits the organization's requests. Slow down and try again.",
  provider_error: "The MCP server answered with an error.",
  provider_timeout: "The MCP server did not answer in time.",
  provider_disconnected: "The MCP server closed the connection before its answer was complete.",
  provider_bad_response: "The MCP server's answer could not be read.",
  provider_response_too_large: "The MCP server's answer is larger than this gateway passes on.",
};

/** The error response to the request with that id. */
export function mcpErrorOf(refusal: Refusal, id: JsonRpcId, requestId: string): object {
  const row: RefusalRow = refusals[refusal.code];
  const sentence = MCP_MESSAGES[refusal.code] ?? row.message;
  const message = refusal.detail ?? sentence.replace("{names}", () => (refusal.names ?? []).join(", "));
  const data = { code: refusal.code, type: row.type, param: refusal.param ?? row.param ?? null, requestId };
  return {
    jsonrpc: "2.0",
    id,
    error: { code: BY_CODE[refusal.code] ?? BY_TYPE[row.type], message, data },
  };
}
