import { boolean, index, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { member } from "./member.ts";

/** What somebody looks at often: a page of the dashboard and what its address says. */
export const savedView = pgTable(
  "saved_view",
  {
    id: text("id").primaryKey(),
    orgId: text("org_id").notNull(),
    memberId: text("member_id")
      .notNull()
      .references(() => member.id),
    /** `keys`, `logs` … */
    page: text("page").notNull(),
    name: text("name").notNull(),
    /** The search of the address, without its question mark. */
    query: text("query").notNull(),
    /** Shown to everybody in the organization. */
    shared: boolean("shared").notNull().default(false),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull(),
  },
  (table) => [index("saved_view_org").on(table.orgId, table.page)],
);
