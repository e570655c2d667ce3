/** The one place where an `Admission` is made. */
import type { Principal } from "@claviger/shared/decide/admit";
import type { Route } from "@claviger/shared/decide/model";
import { recheck } from "@claviger/shared/decide/recheck";
import { refuse } from "@claviger/shared/decide/refusals";
import type { Admission, Authority, Grant, Reservation } from "../rooms.ts";

/**
 * Reads liveness and freshness once more and makes the admission in the same turn. A route whose LLM key was changed
 * meanwhile is refused as stale: its address and credential belong together and were read before.
 */
export function createGrant(authority: Authority): Grant {
  return (principal: Principal, asked: string, route: Route, { budgets }: Reservation) => {
    const refusal = recheck(authority.view, authority.freshness(), principal, asked, route, budgets);
    if (refusal !== undefined) return refusal;
    if (authority.view.provider(route.provider.id) !== route.provider) return refuse("config_behind");
    const key = authority.view.key(principal.key.id) ?? principal.key;
    return {
      key,
      generation: principal.generation,
      tokenId: principal.claims?.tokenId,
      provider: route.provider,
      model: route.model,
    } as Admission;
  };
}
