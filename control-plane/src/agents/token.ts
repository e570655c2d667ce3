/** What `POST /oauth/token` gives an agent for its credentials (RFC 6749 §4.4). */
import { AGENT_TOKEN_SECONDS_MAX } from "@claviger/shared/api/ephemeral-token";
import { sameText } from "@claviger/shared/key/constant-time";
import { hashSecret, parseToken } from "@claviger/shared/key/secret";
import { and, eq, isNull } from "drizzle-orm";
import { apiKey } from "../db/tables/api-key.ts";
import { organization } from "../db/tables/organization.ts";
import { project } from "../db/tables/project.ts";
import { mint } from "../ephemeral-tokens/mint.ts";
import { presentRevision } from "../idempotency/commit.ts";
import type { KeyRow } from "../keys/record.ts";
import type { Ports } from "../ports.ts";
import { mayAsk, readScope } from "./scope.ts";

export interface TokenRequest {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
}

export type TokenAnswer =
  | { readonly kind: "token"; readonly token: string; readonly expiresInSeconds: number }
  | { readonly kind: "refused"; readonly error: "invalid_client" | "invalid_scope" };

/** What is no id of an agent is not asked about: a form may carry bytes that no database takes. */
const AGENT_ID = /^agt_[0-9A-Za-z]{12}$/;

const INVALID_CLIENT = { kind: "refused", error: "invalid_client" } as const;
const INVALID_SCOPE = { kind: "refused", error: "invalid_scope" } as const;

/**
 * A token of the agent's present rights, cut to the scope. Whoever is unknown, has a wrong secret or is out of use gets
 * the same refusal.
 */
export async function issueAgentToken(ports: Ports, request: TokenRequest): Promise<TokenAnswer> {
  const parsed = parseToken(request.clientSecret);
  if (parsed.kind !== "token" || parsed.token !== "agent") return INVALID_CLIENT;
  if (!AGENT_ID.test(request.clientId)) return INVALID_CLIENT;
  const hash = await hashSecret(request.clientSecret);
  const nowMs = ports.clock.nowMs();
  return ports.db.transaction(async (tx): Promise<TokenAnswer> => {
    const [found] = await tx
      .select({ agent: apiKey })
      .from(apiKey)
      .innerJoin(project, and(eq(project.id, apiKey.projectId), isNull(project.deletedAt)))
      .innerJoin(organization, eq(organization.id, apiKey.orgId))
      .where(
        and(
          eq(apiKey.id, request.clientId),
          eq(apiKey.kind, "agent"),
          eq(apiKey.status, "active"),
          eq(project.enabled, true),
          eq(organization.enabled, true),
        ),
      );
    const generation = found && generationOf(found.agent, hash, nowMs);
    if (found === undefined || generation === undefined) return INVALID_CLIENT;
    const { agent } = found;
    const limits = readScope(request.scope);
    if (limits === undefined || !mayAsk(agent, limits)) return INVALID_SCOPE;
    // Read after the agent, so that a gateway that holds this revision holds the agent as it was read here.
    const revision = await presentRevision(tx, agent.orgId);
    const { row, token } = await mint(tx, ports, {
      parent: agent,
      generation,
      limits,
      ttlSecondsDefault: AGENT_TOKEN_SECONDS_MAX,
      revision,
    });
    const expiresInSeconds = (row.expiresAt.getTime() - row.createdAt.getTime()) / 1000;
    return { kind: "token", token, expiresInSeconds };
  });
}

/** The rotation that the secret belongs to; undefined for a wrong one, and for one that is over. */
function generationOf(agent: KeyRow, hash: string, nowMs: number): number | undefined {
  if (agent.expiresAt !== null && agent.expiresAt.getTime() <= nowMs + 1000) return undefined;
  return agent.hashes.find(
    (each) => sameText(each.hash, hash) && (each.notAfterMs === null || nowMs < each.notAfterMs),
  )?.generation;
}
