import type { LlmApiKeyCreate } from "@claviger/shared/api/llm-api-key";
import { ApiProblem, invalidAttribute, problem } from "@claviger/shared/api/problem";
import { and, eq, ne } from "drizzle-orm";
import { newId } from "../db/new-id.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import { sealCredential } from "../fleet/data-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { type ProviderRow, providerNames, providerRow } from "../models/providers.ts";
import { modelChanges, pushModels } from "../models/push.ts";
import type { Ports } from "../ports.ts";
import { findProject } from "../projects/find.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { readBaseUrl, sandboxUrl } from "./base-url.ts";
import { type LlmKeyResource, type LlmKeyRow, llmKeyResource, previewOf, putLlmKey } from "./find.ts";

/** A project is deleted with its LLM keys in one change, two records each, beside as many API keys. */
const LLM_KEYS_PER_PROJECT_MAX = 200;

/** Stores a provider credential, sealed under the organization's data key and bound to the host it is for. */
export async function createLlmKey(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  projectId: string,
  input: LlmApiKeyCreate,
): Promise<Changed<LlmKeyResource>> {
  const orgId = caller.organizationId;
  const provider = requireProvider(input.provider);
  const { baseUrl, host } = baseUrlOf(settings, provider, input);
  const secret = secretOf(provider, input);
  let left = false;
  const done = await commit<LlmKeyResource>(ports, caller, async (tx) => {
    await findProject(tx, orgId, projectId);
    await requireRoom(tx, projectId);
    const id = newId(ports.random, "llm");
    const name = input.name ?? input.provider;
    await requireFreeName(tx, projectId, name, id);
    const credential = { orgId, id, version: 1, provider: input.provider, host, secret };
    const row: LlmKeyRow = {
      id,
      orgId,
      projectId,
      provider: input.provider,
      name,
      preview: previewOf(secret),
      baseUrl,
      customModels: input.customModels ?? [],
      withDefaultModels: input.withDefaultModels ?? true,
      secretVersion: 1,
      sealed: await sealCredential(tx, ports, credential),
      createdAt: new Date(ports.clock.nowMs()),
      revision: await nextRevision(tx, orgId),
    };
    await tx.insert(llmKey).values(row);
    const models = await modelChanges(tx, ports, orgId);
    left = models.more;
    return {
      resource: llmKeyResource(row),
      entry: {
        actor: caller.actor,
        action: "llm-api-key.create",
        effect: "giving",
        changes: [...models.changes, ...putLlmKey(row)],
        keys: "all",
      },
    };
  });
  if (left) await pushModels(ports, orgId);
  return done;
}

function requireProvider(name: string): ProviderRow {
  const row = providerRow(name);
  if (row === undefined)
    throw invalidAttribute("provider", `provider must be one of ${providerNames.join(", ")}.`);
  return row;
}

function baseUrlOf(settings: Settings, provider: ProviderRow, input: LlmApiKeyCreate) {
  const implied = input.provider === "sandbox" ? sandboxUrl(settings.egressAllow) : provider.baseUrl;
  const text = input.baseUrl ?? implied;
  if (!text) throw missing("baseUrl", `An LLM API key of ${input.provider} needs a baseUrl.`);
  return readBaseUrl(text, settings.egressAllow);
}

function secretOf(provider: ProviderRow, input: LlmApiKeyCreate): string {
  if (input.secretKey !== undefined) return input.secretKey;
  if (provider.needsCredential)
    throw missing("secretKey", `An LLM API key of ${input.provider} needs a secretKey.`);
  return input.provider === "sandbox" ? "sandbox" : "";
}

function missing(attribute: string, detail: string): ApiProblem {
  const pointer = `/data/attributes/${attribute}`;
  return new ApiProblem([{ code: "missing_required_parameter", detail, pointer }]);
}

async function requireRoom(tx: Tx, projectId: string): Promise<void> {
  if ((await tx.$count(llmKey, eq(llmKey.projectId, projectId))) < LLM_KEYS_PER_PROJECT_MAX) return;
  const detail = `The project has ${LLM_KEYS_PER_PROJECT_MAX} LLM API keys, as many as a project takes. Delete one first.`;
  throw problem("state_conflict", detail);
}

/** Callers may ask for `name/model`, so a name means one LLM key of its project. */
export async function requireFreeName(tx: Tx, projectId: string, name: string, ownId: string): Promise<void> {
  const taken = await tx.$count(
    llmKey,
    and(eq(llmKey.projectId, projectId), eq(llmKey.name, name), ne(llmKey.id, ownId)),
  );
  if (taken === 0) return;
  const detail = `The project has an LLM API key named ${name}.`;
  throw new ApiProblem([{ code: "name_conflict", detail, pointer: "/data/attributes/name" }]);
}
