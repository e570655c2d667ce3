/**
 * The last look before the forward, in the same turn: between admission and here a body may have taken its time to
 * arrive, and a revocation may have been confirmed. A request that passed admission and fails here was never forwarded.
 */
import { admitKey, admitToken, type Principal } from "./admit.ts";
import { admitModel, type Route } from "./model.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { Freshness, TableView } from "./view.ts";

/**
 * Undefined when the request may be forwarded to that route now; else why not. `asked` is the model as the client
 * spelled it. The budget comes last, as in PROTOCOL §4.2.
 */
export function recheck(
  view: TableView,
  freshness: Freshness,
  principal: Principal,
  asked: string,
  route: Route,
): Refusal | undefined {
  const { caller, claims } = principal;
  const again = claims
    ? admitToken(view, freshness, caller, claims, true)
    : admitKey(view, freshness, caller, true);
  if (again.kind === "refused") return again.refusal;
  if (again.kind === "unsure") return refuse("authorization_stale");
  if (view.closed(route.provider.id)) return refuse("authorization_stale");
  const changed =
    again.principal.key !== principal.key || view.provider(route.provider.id) !== route.provider;
  if (changed) {
    const model = admitModel(view, again.principal, asked);
    if (model.kind === "refused") return model.refusal;
    if (!model.routes.some(({ provider }) => provider.id === route.provider.id)) {
      return refuse("model_not_found");
    }
  }
  return judgeBudget(view, again.principal);
}

/**
 * A budget on the key, its project or the organization needs a slice before the forward. Nothing here can hold one, so
 * the answer is the one of a gateway whose slices are all taken: fail closed, never unbounded.
 */
function judgeBudget(view: TableView, { key }: Principal): Refusal | undefined {
  const budgeted =
    key.budgetId !== null ||
    view.project(key.projectId)?.budgetId !== null ||
    view.policy()?.budgetId !== null;
  return budgeted ? refuse("budget_unavailable") : undefined;
}
