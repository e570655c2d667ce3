/** What the API takes and shows of a session: somebody signed in with a browser. */
import * as z from "zod";
import { Id } from "./attribute.ts";
import type { Role } from "./role.ts";

export const SessionCreate = z.strictObject({
  email: z.string().min(1).max(254),
  password: z.string().min(1).max(256),
  /** Needed only by who is in several organizations with the same password. */
  organizationId: Id.optional(),
});
export type SessionCreate = z.infer<typeof SessionCreate>;

export interface SessionView {
  readonly organizationId: string;
  readonly organizationName: string;
  readonly memberId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly userAgent: string | null;
  readonly peer: string;
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly expiresAt: string;
  /** The one that asks. */
  readonly current: boolean;
}
