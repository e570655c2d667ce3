import { index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** A sign-in or registration that a browser has begun and not ended; each is used once, by the browser that began it. */
export const ceremony = pgTable(
  "ceremony",
  {
    /** Of what the browser's cookie holds. */
    tokenHash: text("token_hash").primaryKey(),
    kind: text("kind", { enum: ["single-sign-on", "passkey-sign-in", "passkey-create"] }).notNull(),
    /** What the end is compared with, as its kind has it. */
    expected: jsonb("expected").$type<Record<string, string>>().notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
  },
  (table) => [index("ceremony_expires").on(table.expiresAt)],
);
