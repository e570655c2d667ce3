/** What the API takes and shows of a saved view: a page of the dashboard and what its address says. */
import * as z from "zod";
import { Label } from "./attribute.ts";

const Page = z
  .string()
  .regex(/^[a-z][a-z-]{0,31}$/, "must be the name of a page, e.g. keys")
  .max(32);
const Query = z.string().max(2_000, "must not be longer than 2000 characters");

export const SavedViewCreate = z.strictObject({
  page: Page,
  name: Label,
  query: Query,
  shared: z.boolean().optional(),
});
export type SavedViewCreate = z.infer<typeof SavedViewCreate>;

export const SavedViewEdit = z.strictObject({
  name: Label.optional(),
  query: Query.optional(),
  shared: z.boolean().optional(),
});
export type SavedViewEdit = z.infer<typeof SavedViewEdit>;

export interface SavedViewView {
  readonly page: string;
  readonly name: string;
  /** The search of the address, without its question mark. */
  readonly query: string;
  readonly shared: boolean;
  readonly ownerId: string;
  readonly createdAt: string;
}
