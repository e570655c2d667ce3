/** What the API takes and shows of an organization. */
import * as z from "zod";
import { Email, Label, Password } from "./attribute.ts";
import { type BudgetView, budgetAttributes } from "./budget.ts";

/** By the operator, together with the first owner. */
export const OrganizationCreate = z.strictObject({
  name: Label,
  adminEmail: Email,
  adminPassword: Password,
  adminName: Label.optional(),
});
export type OrganizationCreate = z.infer<typeof OrganizationCreate>;

export const OrganizationEdit = z.strictObject({
  name: Label.optional(),
  auditPolicy: z.enum(["strict", "continue"]).optional(),
  defaultMaxOutputTokens: z.int().min(1).max(10_000_000).nullable().optional(),
  bodyCapture: z.boolean().optional(),
  ...budgetAttributes,
});
export type OrganizationEdit = z.infer<typeof OrganizationEdit>;

export interface OrganizationView extends BudgetView {
  readonly name: string;
  readonly enabled: boolean;
  readonly auditPolicy: "strict" | "continue";
  readonly defaultMaxOutputTokens: number | null;
  readonly bodyCapture: boolean;
  readonly createdAt: string;
}
