/** What the API takes and shows of a member. */
import * as z from "zod";
import { Email, Id, Label, Password } from "./attribute.ts";
import { Role } from "./role.ts";

export const MemberCreate = z.strictObject({
  email: Email,
  name: Label.optional(),
  role: Role,
  /** Absent: one is made up, and shown once. */
  password: Password.optional(),
});
export type MemberCreate = z.infer<typeof MemberCreate>;

/**
 * `enabled: false`: sessions and tokens end, nobody signs in as this member, and the member's keys and agents become
 * inactive. `enabled: true` lets the member in again and activates none of them.
 */
export const MemberEdit = z.strictObject({
  name: Label.optional(),
  role: Role.optional(),
  enabled: z.boolean().optional(),
});
export type MemberEdit = z.infer<typeof MemberEdit>;

/** What becomes of the member's keys. */
export const MemberDelete = z.strictObject({
  keys: z.union([z.literal("deactivate"), z.strictObject({ transferTo: Id })]),
});
export type MemberDelete = z.infer<typeof MemberDelete>;

export interface MemberView {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly enabled: boolean;
  readonly createdAt: string;
}
