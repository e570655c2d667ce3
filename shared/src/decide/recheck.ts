/**
 * The last look before the forward, in the same turn: between admission and here a body may have taken its time to
 * arrive, and a revocation may have been confirmed. A request that passed admission and fails here was never forwarded.
 */
import { admitKey, admitToken, type Principal } from "./admit.ts";
import { budgetsOf } from "./budgets.ts";
import { admitModel, type Route } from "./model.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { Freshness, TableView } from "./view.ts";

/**
 * Undefined when the request may be forwarded to that route now; else why not. `asked` is the model as the client
 * spelled it. The budget comes last, as in PROTOCOL §4.2: `reserved` are the budgets in which the worst case is set aside.
 */
export function recheck(
  view: TableView,
  freshness: Freshness,
  principal: Principal,
  asked: string,
  route: Route,
  reserved: readonly string[] = [],
): Refusal | undefined {
  const { caller, claims } = principal;
  const again = claims
    ? admitToken(view, freshness, caller, claims, true)
    : admitKey(view, freshness, caller, true);
  if (again.kind === "refused") return again.refusal;
  if (again.kind === "unsure") return refuse("authorization_stale");
  if (view.closed(route.provider.id)) return refuse("authorization_stale");
  const changed =
    again.principal.key !== principal.key ||
    view.provider(route.provider.id) !== route.provider ||
    view.alias(principal.key.projectId, asked) !== route.alias;
  if (changed) {
    const model = admitModel(view, again.principal, asked);
    if (model.kind === "refused") return model.refusal;
    const stands = model.routes.some(
      (other) => other.provider.id === route.provider.id && other.model === route.model,
    );
    if (!stands) return refuse("model_not_found");
  }
  // One that was set meanwhile: the next try reserves in it.
  const isCovered = budgetsOf(view, again.principal.key).every((id) => reserved.includes(id));
  return isCovered ? undefined : refuse("budget_unavailable");
}
