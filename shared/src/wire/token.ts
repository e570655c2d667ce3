/**
 * An ephemeral token: `clve_` and a compact JWS (typ `clv-token+jws`, EdDSA, signed with the key that signs everything
 * a gateway believes). It says whose child it is and what it may at most; what the parent may now is the gateway's to
 * look up, so a token never outlives or outgrows its parent.
 */
import * as z from "zod";
import { McpPolicy } from "./record.ts";
import { Epoch, Id, Revision } from "./scalars.ts";

export const TOKEN_ISSUER = "claviger";

/** Seconds since the epoch, as RFC 7519 counts. */
const Seconds = z.int().min(0);

/** null: whatever the parent may. `[]` is nothing: a token for MCP alone may ask for no model. */
const Names = z.array(z.string().min(1).max(256)).max(1000).nullable();

/** What the token narrows; `ip` holds canonical CIDRs. */
export const TokenLimits = z.object({
  models: Names,
  providers: Names,
  ip: Names,
  rpm: z.int().min(0).nullable(),
  tpm: z.int().min(0).nullable(),
  mcp: McpPolicy.nullable(),
});
export type TokenLimits = z.infer<typeof TokenLimits>;

export const TokenPayload = z.object({
  iss: z.literal(TOKEN_ISSUER),
  /** The organization. */
  aud: Id,
  /** The parent: an API key, an agent, or the hidden parent of a token that was made instead of a key. */
  sub: Id,
  /** The parent's generation when the token was made. */
  pg: z.int().min(1),
  jti: Id,
  iat: Seconds,
  exp: Seconds,
  lim: TokenLimits,
  /** `<epoch>.<revision>` that the organization had: a gateway below it waits. */
  mr: z.tuple([Epoch, Revision]),
});
export type TokenPayload = z.infer<typeof TokenPayload>;
