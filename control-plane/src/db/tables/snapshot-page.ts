import { index, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** Pages of snapshots by the SHA-256 of their exact UTF-8 bytes. */
export const snapshotPage = pgTable(
  "snapshot_page",
  {
    orgId: text("org_id").notNull(),
    sha256: text("sha256").notNull(),
    body: text("body").notNull(),
    /** When a snapshot last named it; pages that none has named for a day are dropped. */
    namedAt: timestamp("named_at", { withTimezone: true }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.orgId, table.sha256] }),
    index("snapshot_page_named").on(table.namedAt),
  ],
);
