/** Who may answer a request, in the order in which they are to be tried. */
import type { Principal } from "@claviger/shared/decide/admit";
import { admitModel, type Route } from "@claviger/shared/decide/model";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import { OUTPUT_LIMITS, type RequestBody } from "./body.ts";
import { type ForwardRoute, pathsThatWork } from "./routes.ts";
import { preparedTarget } from "./targets.ts";
import type { ServeDeps } from "./visit.ts";

export type Candidates = readonly [Route, ...Route[]];

type Body = Pick<RequestBody, "members">;

/** Those of the project's LLM keys that serve the model and speak this surface: all that may, the one to begin with first. */
export function findCandidates(
  { view, health, clock }: Pick<ServeDeps, "view" | "health" | "clock">,
  principal: Principal,
  asked: string,
  { surface, task }: ForwardRoute,
  body: Body,
): Candidates | Refusal {
  const decision = admitModel(view, principal, asked);
  if (decision.kind === "refused") return decision.refusal;
  const { routes } = decision;
  const speaks = ({ provider }: Route) => preparedTarget(provider, surface) !== undefined;
  const isAble = (route: Route) => limitBeyond(view, route, body) === undefined;
  // Most models have one LLM key, and then there is nothing to choose.
  if (routes.length === 1 && speaks(routes[0]) && isAble(routes[0])) return routes;
  const spoken = routes.filter(speaks);
  const [first] = spoken;
  if (first === undefined) {
    const [{ provider }] = routes;
    const names = pathsThatWork((other) => preparedTarget(provider, other) !== undefined, task);
    return refuse("unsupported_surface", { names });
  }
  const candidates = health.order(spoken.filter(isAble), clock.monoMs());
  if (isSome(candidates)) return candidates;
  return refuse("invalid_value", { param: limitBeyond(view, first, body) ?? "model" });
}

/** The member that asks for a longer answer than the model is known to give. */
function limitBeyond(view: TableView, { provider, model }: Route, { members }: Body): string | undefined {
  for (const name of OUTPUT_LIMITS) {
    const asked = members.get(name)?.value;
    if (typeof asked !== "number") continue;
    const max = view.priceOf(provider.provider, model)?.outputTokensMax ?? Number.POSITIVE_INFINITY;
    if (asked > max) return name;
  }
  return undefined;
}

function isSome(routes: readonly Route[]): routes is Candidates {
  return routes.length > 0;
}
