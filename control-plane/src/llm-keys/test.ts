/**
 * Whether gateways reach an LLM key's provider and are let in. The bargain: the control plane asks no provider, for only
 * gateways can open credentials and only they stand where requests leave from; so every gateway answers for itself.
 */
import type { LlmApiKeyTestView } from "@claviger/shared/api/llm-api-key";
import { notFound, problem } from "@claviger/shared/api/problem";
import { DOWN_AFTER_MS } from "@claviger/shared/sync/barrier";
import { LlmKeyTest } from "@claviger/shared/wire/query";
import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { LlmKeyTarget } from "./edit.ts";
import { findLlmKey } from "./find.ts";

/** A gateway gives up after 8 s. */
const TIMEOUT_MS = 10_000;

type GatewayTest = LlmApiKeyTestView["gateways"][number];
type Outcome = GatewayTest["outcome"];

/** What says most about what is to be done goes first. */
const WORST_FIRST: readonly Outcome[] = [
  ...(["auth_failed", "blocked", "unreachable", "unexpected_answer", "not_held", "no_answer"] as const),
  "ok",
];

/** Asks one replica of every gateway, or of the one that is named by its id or name. */
export async function testLlmKey(
  ports: Ports,
  caller: Caller,
  target: LlmKeyTarget,
  gateway?: string,
): Promise<LlmApiKeyTestView> {
  const orgId = caller.organizationId;
  const row = await findLlmKey(ports.db, orgId, target.id, target.projectId);
  const replicas = await replicasOf(ports, orgId, gateway);
  const gateways = await Promise.all(replicas.map((replica) => ask(ports, orgId, row.id, replica)));
  const worst = WORST_FIRST.find((outcome) => gateways.some((one) => one.outcome === outcome));
  return { outcome: worst ?? "no_answer", gateways };
}

interface Replica {
  readonly id: string;
  readonly gatewayId: string;
  readonly name: string;
  readonly up: boolean;
}

async function ask(ports: Ports, orgId: string, llmKeyId: string, replica: Replica): Promise<GatewayTest> {
  const question = { kind: "llm-test", llmKeyId } as const;
  const rows = replica.up ? await ports.fleet.ask(orgId, replica.id, question, TIMEOUT_MS) : undefined;
  const { gatewayId, name } = replica;
  const said = LlmKeyTest.safeParse(rows?.[0]);
  if (said.success) return { gatewayId, name, ...said.data };
  return { gatewayId, name, outcome: "no_answer", latencyMs: null, status: null, models: null };
}

/** Of each gateway the replica that was heard of last. */
async function replicasOf(ports: Ports, orgId: string, gateway: string | undefined): Promise<Replica[]> {
  const rows = await ports.db.execute<{ id: string; gateway_id: string; name: string; up: boolean }>(sql`
    select distinct on (g.name, g.id) r.id, g.id as gateway_id, g.name,
      coalesce(r.last_seen > clock_timestamp() - ${DOWN_AFTER_MS} * interval '1 millisecond', false) as up
    from replica r join gateway g on g.id = r.gateway_id
    where r.org_id = ${orgId} and r.gone_at is null
      ${gateway === undefined ? sql`` : sql`and ${gateway} in (g.id, g.name)`}
    order by g.name, g.id, r.last_seen desc nulls last`);
  if (rows.length === 0) {
    if (gateway !== undefined) throw notFound("gateway");
    throw problem("state_conflict", "No gateway is attached; only gateways reach providers.");
  }
  return rows.map((row) => ({ id: row.id, gatewayId: row.gateway_id, name: row.name, up: row.up }));
}
