/** Who may answer a request, in the order in which they are to be tried. */
import type { Principal } from "@claviger/shared/decide/admit";
import { admitModel, type Route } from "@claviger/shared/decide/model";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import type { Health } from "./health.ts";
import { type ForwardRoute, pathsThatWork } from "./routes.ts";
import { preparedTarget } from "./targets.ts";

export type Candidates = readonly [Route, ...Route[]];

/** Those of the project's LLM keys that serve the model and speak this surface: all that may, the one to begin with first. */
export function findCandidates(
  view: TableView,
  health: Health,
  principal: Principal,
  asked: string,
  { surface, task }: ForwardRoute,
  nowMonoMs: number,
): Candidates | Refusal {
  const decision = admitModel(view, principal, asked);
  if (decision.kind === "refused") return decision.refusal;
  const { routes } = decision;
  const speaks = ({ provider }: Route) => preparedTarget(provider, surface) !== undefined;
  // Most models have one LLM key, and then there is nothing to choose.
  if (routes.length === 1 && speaks(routes[0])) return routes;
  const candidates = health.order(routes.filter(speaks), nowMonoMs);
  if (isSome(candidates)) return candidates;
  const [{ provider }] = routes;
  const names = pathsThatWork((other) => preparedTarget(provider, other) !== undefined, task);
  return refuse("unsupported_surface", { names });
}

function isSome(routes: readonly Route[]): routes is Candidates {
  return routes.length > 0;
}
