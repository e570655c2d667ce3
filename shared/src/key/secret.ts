/**
 * Secrets that a client holds. An API key is `clv_live_<12 id>_<43 secret><6 checksum>`; the other credentials are
 * `<prefix>_<43 secret><6 checksum>`. 43 uniform base62 digits are 256 bits, so a plain SHA-256 is enough to store and a
 * pepper would add nothing. The checksum is the CRC-32 of everything before it, in base62: a typing error is refused
 * without a look-up, and a scanner can tell a leaked key from noise.
 */

import { toBase64Url } from "../wire/chain.ts";
import { type RandomBytes, randomBase62, toBase62 } from "./base62.ts";
import { sameText } from "./constant-time.ts";
import { crc32 } from "./crc32.ts";

/** Prefixes of the credentials that are no API keys. */
export const tokenPrefixes = {
  personalAccess: "clvp_",
  enrolment: "clvt_",
  agent: "clvs_",
} as const;
export type TokenKind = keyof typeof tokenPrefixes;

const API_KEY_PREFIX = "clv_live_";
/** `clve_` and a JWS: an ephemeral token, verified by signature and not by hash. */
export const EPHEMERAL_PREFIX = "clve_";

const API_KEY = /^clv_live_([0-9A-Za-z]{12})_[0-9A-Za-z]{49}$/;
const TOKEN = /^(clvp|clvt|clvs)_[0-9A-Za-z]{49}$/;

/**
 * For secret scanners: matches API keys, personal access, enrolment, agent and ephemeral tokens anywhere in a text.
 * A hit of the first four kinds whose checksum is right (`parseApiKey`, `parseToken`) is no coincidence.
 */
export const SECRET_PATTERN =
  "\\b(?:clv_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}|clv[pts]_[0-9A-Za-z]{49}|clve_[\\w-]+\\.[\\w-]+\\.[\\w-]+)\\b";

export interface NewApiKey {
  /** `key_<12 base62>`, the same digits as in the secret. */
  readonly id: `key_${string}`;
  readonly secret: string;
  readonly preview: string;
}

/** A new API key: id, secret (to be shown once) and masked form. */
export function makeApiKey(random: RandomBytes): NewApiKey {
  const digits = randomBase62(random, 12);
  const secret = secretFor(digits, random);
  return { id: `key_${digits}`, secret, preview: preview(secret) };
}

/** A new secret for an existing API key: rotation. Throws for an id that is not a key's. */
export function remakeSecret(keyId: string, random: RandomBytes): string {
  if (!/^key_[0-9A-Za-z]{12}$/.test(keyId)) throw new Error("only an API key's id has a secret");
  return secretFor(keyId.slice(4), random);
}

function secretFor(digits: string, random: RandomBytes): string {
  return withChecksum(`${API_KEY_PREFIX}${digits}_${randomBase62(random, 43)}`);
}

/** A new token of that kind. */
export function makeToken(kind: TokenKind, random: RandomBytes): string {
  return withChecksum(tokenPrefixes[kind] + randomBase62(random, 43));
}

function withChecksum(text: string): string {
  return text + toBase62(crc32(text), 6);
}

export type ParsedApiKey =
  | { readonly kind: "apiKey"; readonly keyId: string; readonly secret: string }
  /** Not of the form of an API key at all. */
  | { readonly kind: "malformed" }
  /** Of the right form, and mistyped or made up. */
  | { readonly kind: "badChecksum" };

const MALFORMED = { kind: "malformed" } as const;
const BAD_CHECKSUM = { kind: "badChecksum" } as const;

/** Reads an API key's secret; whether it is anybody's only a look-up of its hash can tell. */
export function parseApiKey(text: string): ParsedApiKey {
  if (text.length !== 71 || !API_KEY.test(text)) return MALFORMED;
  if (!checksumHolds(text)) return BAD_CHECKSUM;
  return { kind: "apiKey", keyId: `key_${text.slice(9, 21)}`, secret: text };
}

export type ParsedToken =
  | { readonly kind: "token"; readonly token: TokenKind; readonly secret: string }
  | { readonly kind: "malformed" }
  | { readonly kind: "badChecksum" };

/** Reads a personal access, enrolment or agent token. */
export function parseToken(text: string): ParsedToken {
  const prefix = TOKEN.exec(text)?.[1];
  if (prefix === undefined) return MALFORMED;
  if (!checksumHolds(text)) return BAD_CHECKSUM;
  const token = prefix === "clvp" ? "personalAccess" : prefix === "clvt" ? "enrolment" : "agent";
  return { kind: "token", token, secret: text };
}

function checksumHolds(text: string): boolean {
  const end = text.length - 6;
  return sameText(text.slice(end), toBase62(crc32(text, end), 6));
}

/** What may be shown for ever: `clv_live_7Hq2…x9Kd`, the first four digits of the id and the last four of the secret. */
export function preview(secret: string): string {
  return `${secret.slice(0, API_KEY_PREFIX.length + 4)}…${secret.slice(-10, -6)}`;
}

/** What stands before every secret when it is hashed, so that no hash of ours is a hash of anything else. */
export const HASH_DOMAIN = "clv/v1\0";

/**
 * `SHA-256("clv/v1\0" || secret)` as unpadded base64url (43 characters): the only form of a secret that is stored or
 * travels. A runtime with a synchronous digest gives its own: on Node
 * `hash("sha256", HASH_DOMAIN + secret, "base64url")` of `node:crypto`, forty times faster than WebCrypto; whatever it
 * gives must give the hashes of `keyVectors` (shared/testing).
 */
export type HashSecret = (secret: string) => string | Promise<string>;

/** `HashSecret` by WebCrypto, for every runtime. */
export async function hashSecret(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(HASH_DOMAIN + secret));
  return toBase64Url(new Uint8Array(digest));
}
