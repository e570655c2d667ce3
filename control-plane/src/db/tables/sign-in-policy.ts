import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { organization } from "./organization.ts";

/** How members of an organization sign in and how long that lasts; no row: the defaults. */
export const signInPolicy = pgTable("sign_in_policy", {
  orgId: text("org_id")
    .primaryKey()
    .references(() => organization.id),
  /** From sign-in to the end of the session, however much it is used. */
  sessionHoursMax: integer("session_hours_max").notNull(),
  /** Without a request for so long, a session ends; null: never because of that. */
  idleMinutesMax: integer("idle_minutes_max"),
  /** Who may sign in by a password or passkey of this control plane: `owners` can always, should the provider be away. */
  ownSignIn: text("own_sign_in", { enum: ["everybody", "owners"] }).notNull(),
  /** `<epoch>.<revision>` of its last change. */
  revision: text("revision").notNull(),
});
