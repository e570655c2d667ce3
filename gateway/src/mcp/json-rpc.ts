/**
 * One JSON-RPC 2.0 message of a client, read in exactly one way or not at all. What could be two messages, or one message
 * to us and another to whoever parses it behind us, is refused here: batches, members that come twice or that nobody
 * knows, and anything that is not plain JSON from its first byte to its last.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { scanJson } from "@claviger/shared/decide/scan-json";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

export type ClientMessage =
  | {
      readonly kind: "request";
      readonly id: string | number;
      readonly method: string;
      readonly params: JsonObject;
    }
  | { readonly kind: "notification"; readonly method: string; readonly params: JsonObject }
  /** To a request of the server's. */
  | { readonly kind: "response"; readonly id: string | number };

const NONE: ReadonlySet<string> = new Set();
const NO_PARAMS: JsonObject = {};
const METHOD_LENGTH_MAX = 64;
const ID_LENGTH_MAX = 256;
const INVALID = refuse("invalid_mcp_message");
const decoder = new TextDecoder();

export function readMessage(bytes: Uint8Array): ClientMessage | Refusal {
  const scan = scanJson(bytes, NONE);
  if (scan.kind === "invalid") return scan.fault === "not_object" ? INVALID : refuse("invalid_json");
  const message = JSON.parse(decoder.decode(bytes)) as JsonObject;
  if (message.jsonrpc !== "2.0") return INVALID;
  return typeof message.method === "string" ? readCall(message, message.method) : readResponse(message);
}

const OF_CALL = new Set(["jsonrpc", "id", "method", "params"]);
const OF_RESPONSE = new Set(["jsonrpc", "id", "result", "error"]);

function readCall(message: JsonObject, method: string): ClientMessage | Refusal {
  if (!hasOnly(message, OF_CALL) || method.length > METHOD_LENGTH_MAX) return INVALID;
  const { id } = message;
  const params = message.params === undefined ? NO_PARAMS : message.params;
  if (!isObject(params)) return INVALID;
  if (id === undefined) return { kind: "notification", method, params };
  return isId(id) ? { kind: "request", id, method, params } : INVALID;
}

function readResponse(message: JsonObject): ClientMessage | Refusal {
  const { id } = message;
  const isOne = (message.result === undefined) !== (message.error === undefined);
  return hasOnly(message, OF_RESPONSE) && isOne && isId(id) ? { kind: "response", id } : INVALID;
}

function hasOnly(message: JsonObject, names: ReadonlySet<string>): boolean {
  return Object.keys(message).every((name) => names.has(name));
}

function isId(id: Json | undefined): id is string | number {
  return typeof id === "string" ? id.length <= ID_LENGTH_MAX : Number.isSafeInteger(id);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a server sent, as text; undefined when it is not one JSON object. */
export function readServerMessage(text: string): JsonObject | undefined {
  try {
    const message = JSON.parse(text) as Json;
    return isObject(message) ? message : undefined;
  } catch {
    // Whoever asked tells the caller.
    return undefined;
  }
}
