/** What the API takes and shows of an invitation. */
import * as z from "zod";
import { Email, Label, Password } from "./attribute.ts";
import { Role } from "./role.ts";

export const InvitationCreate = z.strictObject({
  email: Email,
  role: Role,
  /** 7 unless given. */
  expiresInDays: z.int().min(1, "must be at least 1").max(30, "must not exceed 30").optional(),
});
export type InvitationCreate = z.infer<typeof InvitationCreate>;

const Token = z.string().min(1, "must not be empty").max(128, "is too long");

/** The body of `POST /invitations/lookup`, which tells whoever holds a link what it opens. */
export const InvitationLookup = z.strictObject({ token: Token });
export type InvitationLookup = z.infer<typeof InvitationLookup>;

export const InvitationAccept = z.strictObject({ token: Token, name: Label.optional(), password: Password });
export type InvitationAccept = z.infer<typeof InvitationAccept>;

export interface InvitationView {
  readonly email: string;
  readonly role: Role;
  readonly organizationName: string;
  readonly invitedBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  /** `void`: who invited may not (any more) give this role. */
  readonly status: "open" | "expired" | "void";
}
