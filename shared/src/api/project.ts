/** What the API takes and shows of a project. */
import * as z from "zod";
import { Label } from "./attribute.ts";
import { type BudgetView, budgetAttributes } from "./budget.ts";

export const ProjectCreate = z.strictObject({
  name: Label,
  enabled: z.boolean().optional(),
  ...budgetAttributes,
});
export type ProjectCreate = z.infer<typeof ProjectCreate>;

export const ProjectEdit = ProjectCreate.partial();
export type ProjectEdit = z.infer<typeof ProjectEdit>;

/** Without `keys: "delete"` a project that still has keys is not deleted. */
export const ProjectDelete = z.strictObject({ keys: z.literal("delete").optional() });
export type ProjectDelete = z.infer<typeof ProjectDelete>;

export interface ProjectView extends BudgetView {
  readonly name: string;
  readonly enabled: boolean;
  readonly createdAt: string;
}
