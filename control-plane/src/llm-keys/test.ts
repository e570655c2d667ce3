/**
 * Whether gateways reach an LLM key's provider and are let in. The bargain: the control plane asks no provider, for only
 * gateways can open credentials and only they stand where requests leave from; so every gateway answers for itself.
 */
import type { LlmApiKeyTestView } from "@claviger/shared/api/llm-api-key";
import { LlmKeyTest } from "@claviger/shared/wire/query";
import { type AskableGateway, askableGateways } from "../gateways/askable.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { LlmKeyTarget } from "./edit.ts";
import { findLlmKey } from "./find.ts";

/** A gateway gives up after 8 s. */
const TIMEOUT_MS = 10_000;

const NO_GATEWAY = "No gateway is attached; only gateways reach providers.";

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
  const replicas = await askableGateways(ports, orgId, gateway, NO_GATEWAY);
  const gateways = await Promise.all(replicas.map((replica) => ask(ports, orgId, row.id, replica)));
  const worst = WORST_FIRST.find((outcome) => gateways.some((one) => one.outcome === outcome));
  return { outcome: worst ?? "no_answer", gateways };
}

async function ask(
  ports: Ports,
  orgId: string,
  llmKeyId: string,
  replica: AskableGateway,
): Promise<GatewayTest> {
  const question = { kind: "llm-test", llmKeyId } as const;
  const rows = replica.up ? await ports.fleet.ask(orgId, replica.id, question, TIMEOUT_MS) : undefined;
  const { gatewayId, name } = replica;
  const said = LlmKeyTest.safeParse(rows?.[0]);
  if (said.success) return { gatewayId, name, ...said.data };
  return { gatewayId, name, outcome: "no_answer", latencyMs: null, status: null, models: null };
}
