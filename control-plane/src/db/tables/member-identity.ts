import { index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { member } from "./member.ts";

/** Who a member is at an OpenID provider: `iss` and `sub` never change hands, addresses do (OpenID Connect Core §5.7). */
export const memberIdentity = pgTable(
  "member_identity",
  {
    orgId: text("org_id").notNull(),
    issuer: text("issuer").notNull(),
    subject: text("subject").notNull(),
    memberId: text("member_id")
      .notNull()
      .references(() => member.id),
  },
  (table) => [
    primaryKey({ columns: [table.orgId, table.issuer, table.subject] }),
    index("member_identity_member").on(table.memberId),
  ],
);
