import type { EphemeralTokenCreate, EphemeralTokenView } from "@claviger/shared/api/ephemeral-token";
import type { Resource } from "@claviger/shared/api/resource";
import { canonicalCidr } from "@claviger/shared/decide/ip";
import type { TokenLimits } from "@claviger/shared/wire/token";
import type { TokenRow } from "./mint.ts";

export type TokenResource = Resource<EphemeralTokenView>;

/** The public form; of a hidden parent nothing is said. */
export function tokenResource(row: TokenRow, parent: { kind: string; id: string }): TokenResource {
  return {
    type: "ephemeral-token",
    id: row.id,
    attributes: {
      keyId: parent.kind === "hidden" ? null : parent.id,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
      revoked: row.revokedRevision !== null,
    },
  };
}

/** What a request asked the token to be narrowed to. */
export function limitsOf(input: EphemeralTokenCreate): TokenLimits {
  return {
    models: input.allowedModels ?? null,
    providers: input.allowedProviders ?? null,
    ip: input.ipAllowlist?.map((text) => canonicalCidr(text) ?? text) ?? null,
    rpm: input.requestsPerMinute ?? null,
    tpm: input.tokensPerMinute ?? null,
    mcp: input.mcp ?? null,
  };
}
