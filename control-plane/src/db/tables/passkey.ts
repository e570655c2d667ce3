import { bigint, boolean, index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { bytea } from "./bytea.ts";
import { member } from "./member.ts";

/** The public half of a passkey (WebAuthn Level 3): what a member signs in with instead of a password. */
export const passkey = pgTable(
  "passkey",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    memberId: text("member_id")
      .notNull()
      .references(() => member.id),
    /** base64url, as authenticators name it. */
    credentialId: text("credential_id").notNull().unique(),
    /** COSE (RFC 9052). */
    publicKey: bytea("public_key").notNull(),
    /** Of the authenticator; where it counts, it never goes back. */
    counter: bigint("counter", { mode: "number" }).notNull(),
    transports: jsonb("transports").$type<string[]>().notNull().default([]),
    name: text("name").notNull(),
    /** Held by more than one device. */
    synced: boolean("synced").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
    lastUsedAt: timestamp("last_used_at", { withTimezone: true }),
  },
  (table) => [index("passkey_member").on(table.orgId, table.memberId)],
);
