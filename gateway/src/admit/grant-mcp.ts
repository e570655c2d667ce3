/** The one place where an `McpAdmission` is made. */
import { admitKey, admitToken } from "@claviger/shared/decide/admit";
import { admitMcpServer } from "@claviger/shared/decide/mcp-rights";
import { refuse } from "@claviger/shared/decide/refusals";
import type { Authority, McpAdmission, McpGrant } from "../rooms.ts";

/** Reads liveness, freshness and rights as they are now, and makes the admission in the same turn. */
export function createMcpGrant(authority: Authority): McpGrant {
  return (principal, server, judge) => {
    const { view } = authority;
    const { caller, claims } = principal;
    const freshness = authority.freshness();
    const again = claims
      ? admitToken(view, freshness, caller, claims, true)
      : admitKey(view, freshness, caller, true);
    if (again.kind === "refused") return again.refusal;
    if (again.kind === "unsure") return refuse("authorization_stale");
    const rights = admitMcpServer(view, again.principal, server);
    if ("code" in rights) return rights;
    const refusal = judge(rights);
    if (refusal !== undefined) return refusal;
    const { key, generation } = again.principal;
    return { key, generation, tokenId: claims?.tokenId, rights } as McpAdmission;
  };
}
