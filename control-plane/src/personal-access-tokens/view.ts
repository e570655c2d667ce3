import type { PersonalAccessTokenView } from "@claviger/shared/api/personal-access-token";
import type { Resource } from "@claviger/shared/api/resource";
import type { personalAccessToken } from "../db/tables/personal-access-token.ts";

export type TokenRow = typeof personalAccessToken.$inferSelect;
export type TokenResource = Resource<PersonalAccessTokenView>;

export function tokenResource(row: TokenRow): TokenResource {
  const { name, preview, memberId, role } = row;
  return {
    type: "personal-access-token",
    id: row.id,
    attributes: {
      name,
      preview,
      memberId,
      role,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt?.toISOString() ?? null,
      lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    },
  };
}
