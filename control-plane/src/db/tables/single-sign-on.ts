import type { Role } from "@claviger/shared/api/role";
import { boolean, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { bytea } from "./bytea.ts";
import { organization } from "./organization.ts";

/** The OpenID provider by which an organization's members sign in; at most one. */
export const singleSignOn = pgTable("single_sign_on", {
  orgId: text("org_id")
    .primaryKey()
    .references(() => organization.id),
  issuer: text("issuer").notNull(),
  clientId: text("client_id").notNull(),
  /** Wrapped under the key-encryption key; null for a public client. */
  wrappedSecret: bytea("wrapped_secret"),
  /** The claim whose values decide the role; null: everybody gets `defaultRole`. */
  roleClaim: text("role_claim"),
  roleMapping: jsonb("role_mapping").$type<Record<string, Role>>().notNull().default({}),
  /** Of whom no value of the claim is mapped; null: they are not let in. */
  defaultRole: text("default_role", { enum: ["viewer", "member", "admin", "owner"] }),
  /** Addresses count as verified although the provider does not say so: for one whose accounts the organization itself makes. */
  trustEmail: boolean("trust_email").notNull().default(false),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
  /** `<epoch>.<revision>` of its last change. */
  revision: text("revision").notNull(),
});

/** What the client secret is wrapped for: with another issuer it opens nothing. */
export function singleSignOnContext(orgId: string, issuer: string): string {
  return `single-sign-on/${orgId}/${issuer}`;
}
