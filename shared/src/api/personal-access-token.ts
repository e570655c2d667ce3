/** What the API takes and shows of a personal access token. */
import * as z from "zod";
import { Instant, Label } from "./attribute.ts";
import { Role } from "./role.ts";

export const PersonalAccessTokenCreate = z.strictObject({
  name: Label,
  expiresAt: Instant.nullable().optional(),
  /** Acts with this role at most; null: as its member. */
  role: Role.nullable().optional(),
});
export type PersonalAccessTokenCreate = z.infer<typeof PersonalAccessTokenCreate>;

export interface PersonalAccessTokenView {
  readonly name: string;
  readonly preview: string;
  readonly memberId: string;
  readonly role: Role | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}
