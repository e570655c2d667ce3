/** An organization's OpenID provider, and what is shown of it. */
import type { Resource } from "@claviger/shared/api/resource";
import type { SingleSignOnView } from "@claviger/shared/api/sign-in";
import { eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { singleSignOn, singleSignOnContext } from "../db/tables/single-sign-on.ts";
import type { IdentityProvider, Ports } from "../ports.ts";
import type { Settings } from "../settings.ts";

export type SingleSignOnRow = typeof singleSignOn.$inferSelect;
export type SingleSignOnResource = Resource<SingleSignOnView>;

export const SINGLE_SIGN_ON_PATH = "/api/v1/single-sign-on/begin";
export const RETURN_PATH = "/api/v1/single-sign-on/return";

export async function findSingleSignOn(db: Queryable, orgId: string): Promise<SingleSignOnRow | undefined> {
  const [row] = await db.select().from(singleSignOn).where(eq(singleSignOn.orgId, orgId));
  return row;
}

export function singleSignOnResource(row: SingleSignOnRow, settings: Settings): SingleSignOnResource {
  const { issuer, clientId, roleClaim, roleMapping, defaultRole, trustEmail } = row;
  return {
    type: "single-sign-on",
    id: row.orgId,
    attributes: {
      issuer,
      clientId,
      hasClientSecret: row.wrappedSecret !== null,
      roleClaim,
      roleMapping,
      defaultRole,
      trustEmail,
      redirectUri: redirectUriOf(settings),
      signInUrl: `${new URL(SINGLE_SIGN_ON_PATH, settings.publicUrl)}?organization=${row.orgId}`,
      createdAt: row.createdAt.toISOString(),
    },
  };
}

export function redirectUriOf(settings: Settings): string {
  return new URL(RETURN_PATH, settings.publicUrl).toString();
}

/** The provider with its secret in the clear, for as long as it is talked to. */
export async function openProvider(ports: Ports, row: SingleSignOnRow): Promise<IdentityProvider> {
  const { orgId, issuer, clientId, wrappedSecret } = row;
  const context = singleSignOnContext(orgId, issuer);
  const clientSecret =
    wrappedSecret === null
      ? null
      : new TextDecoder().decode(await ports.vault.unwrap(wrappedSecret, context));
  return { orgId, issuer, clientId, clientSecret };
}
