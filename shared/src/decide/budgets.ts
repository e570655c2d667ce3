/** Which budgets a request spends from: all on its path, in this order (PROTOCOL §2.8). */
import type { KeyRecord } from "../wire/record.ts";
import type { TableView } from "./view.ts";

/** Of the key, its project and the organization; empty when none stands on it. */
export function budgetsOf(
  view: TableView,
  key: Pick<KeyRecord, "budgetId" | "projectId">,
): readonly string[] {
  const project = view.project(key.projectId)?.budgetId ?? null;
  const organization = view.policy()?.budgetId ?? null;
  if (key.budgetId === null && project === null && organization === null) return NONE;
  return [key.budgetId, project, organization].filter((id) => id !== null);
}

const NONE: readonly string[] = [];
