/**
 * A session of a client is a sealed text that the client itself keeps: the sessions of the servers behind it, for exactly
 * one key and one address. No gateway remembers it, every gateway of the organization opens it, and for whoever has another
 * key it is nothing.
 */
import { fromBase64Url, toBase64Url } from "@claviger/shared/wire/chain";
import type { McpServerRecord } from "@claviger/shared/wire/record";
import type { SharedKeys } from "../ports.ts";
import type { ClientMessage, JsonObject } from "./json-rpc.ts";

/** By the server's id: what its session is called, and for which address. */
export type UpstreamSessions = Readonly<Record<string, UpstreamSession>>;

export interface UpstreamSession {
  /** Absent of a server that has none, but with which a version was agreed upon. */
  readonly session?: string | undefined;
  readonly url: string;
  /** At the address of all, where servers may speak different ones. */
  readonly version?: string | undefined;
}

export interface SessionContent {
  readonly upstreams: UpstreamSessions;
  /** What the client said of itself, for servers that come later; null at the address of one server. */
  readonly client: JsonObject | null;
}

/** Whose it is, and for what: the name of one server, or "" for all of them. */
export interface SessionBound {
  readonly organizationId: string;
  readonly keyId: string;
  readonly scope: string;
}

const IV_BYTES = 12;
const TOKEN = /^([A-Za-z0-9_]{1,64})\.([A-Za-z0-9_-]{16,12000})$/;
/** Node takes 16 KiB of headers together. */
const TOKEN_LENGTH_MAX = 10_000;
const encoder = new TextEncoder();

/** Undefined when there is no key to seal it with, or when it would be too long to be sent back. */
export function sealSession(
  keys: SharedKeys,
  bound: SessionBound,
  content: SessionContent,
): Promise<string | undefined> {
  return seal(keys, contextOf("session", bound), JSON.stringify(content));
}

/** Undefined for anything that was not sealed for exactly this key and address. */
export async function openSession(
  keys: SharedKeys,
  bound: SessionBound,
  token: string,
): Promise<SessionContent | undefined> {
  const text = await open(keys, contextOf("session", bound), token);
  // Only a gateway of the organization can have written it.
  return text === undefined ? undefined : (JSON.parse(text) as SessionContent);
}

/** The request whose stream an event is of, as far as rights are about it. */
export type ResumedRequest = Extract<ClientMessage, { kind: "request" }>;

/** What a server calls an event of a stream, and which request it answers; none: whoever listened. */
export interface ResumableEvent {
  readonly id: string;
  readonly of: ResumedRequest | undefined;
}

/** For whoever has the session that the event came in, and nobody else. */
export function sealEventId(
  keys: SharedKeys,
  bound: SessionBound,
  session: string | undefined,
  event: ResumableEvent,
): Promise<string | undefined> {
  return seal(keys, contextOf(`event ${session ?? ""}`, bound), JSON.stringify(event));
}

export async function openEventId(
  keys: SharedKeys,
  bound: SessionBound,
  session: string | undefined,
  token: string,
): Promise<ResumableEvent | undefined> {
  const text = await open(keys, contextOf(`event ${session ?? ""}`, bound), token);
  // Only a gateway of the organization can have written it.
  return text === undefined ? undefined : (JSON.parse(text) as ResumableEvent);
}

/** What the server calls a task: for whoever has the key that asked for it, and as long as the server is there. */
export function sealTaskId(
  keys: SharedKeys,
  bound: SessionBound,
  { id, url }: Pick<McpServerRecord, "id" | "url">,
  taskId: string,
): Promise<string | undefined> {
  return seal(keys, contextOf(`task ${id} ${url}`, bound), taskId);
}

export function openTaskId(
  keys: SharedKeys,
  bound: SessionBound,
  { id, url }: Pick<McpServerRecord, "id" | "url">,
  token: string,
): Promise<string | undefined> {
  return open(keys, contextOf(`task ${id} ${url}`, bound), token);
}

async function seal(
  keys: SharedKeys,
  additionalData: Uint8Array<ArrayBuffer>,
  text: string,
): Promise<string | undefined> {
  const shared = keys.newest();
  if (shared === undefined) return undefined;
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const plain = encoder.encode(text);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, shared.key, plain);
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  const token = `${shared.id}.${toBase64Url(bytes)}`;
  return token.length > TOKEN_LENGTH_MAX ? undefined : token;
}

async function open(
  keys: SharedKeys,
  additionalData: Uint8Array<ArrayBuffer>,
  token: string,
): Promise<string | undefined> {
  const [, id, text] = TOKEN.exec(token) ?? [];
  const shared = id === undefined ? undefined : keys.byId(id);
  if (shared === undefined || text === undefined) return undefined;
  try {
    const bytes = new Uint8Array(fromBase64Url(text));
    const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES), additionalData };
    const plain = await crypto.subtle.decrypt(algorithm, shared.key, bytes.subarray(IV_BYTES));
    return new TextDecoder().decode(plain);
  } catch {
    // Another key's, another address's, or made up: the caller is told that there is none.
    return undefined;
  }
}

function contextOf(what: string, { organizationId, keyId, scope }: SessionBound): Uint8Array<ArrayBuffer> {
  return encoder.encode(`claviger mcp\n${organizationId}\n${keyId}\n${scope}\n${what}`);
}
