/**
 * A session of a client is a sealed text that the client itself keeps: the sessions of the servers behind it, for exactly
 * one key and one address. No gateway remembers it, every gateway of the organization opens it, and for whoever has another
 * key it is nothing.
 */
import { fromBase64Url, toBase64Url } from "@claviger/shared/wire/chain";
import type { SharedKeys } from "../ports.ts";
import type { JsonObject } from "./json-rpc.ts";

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
export async function sealSession(
  keys: SharedKeys,
  bound: SessionBound,
  content: SessionContent,
): Promise<string | undefined> {
  const shared = keys.newest();
  if (shared === undefined) return undefined;
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const additionalData = boundBytes(bound);
  const plain = encoder.encode(JSON.stringify(content));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, shared.key, plain);
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  const token = `${shared.id}.${toBase64Url(bytes)}`;
  return token.length > TOKEN_LENGTH_MAX ? undefined : token;
}

/** Undefined for anything that was not sealed for exactly this key and address. */
export async function openSession(
  keys: SharedKeys,
  bound: SessionBound,
  token: string,
): Promise<SessionContent | undefined> {
  const [, id, text] = TOKEN.exec(token) ?? [];
  const shared = id === undefined ? undefined : keys.byId(id);
  if (shared === undefined || text === undefined) return undefined;
  try {
    const bytes = new Uint8Array(fromBase64Url(text));
    const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES), additionalData: boundBytes(bound) };
    const plain = await crypto.subtle.decrypt(algorithm, shared.key, bytes.subarray(IV_BYTES));
    // Only a gateway of the organization can have written it.
    return JSON.parse(new TextDecoder().decode(plain)) as SessionContent;
  } catch {
    // Another key's, another address's, or made up: the caller is told that there is none.
    return undefined;
  }
}

function boundBytes({ organizationId, keyId, scope }: SessionBound): Uint8Array<ArrayBuffer> {
  return encoder.encode(`claviger mcp session\n${organizationId}\n${keyId}\n${scope}`);
}
