import type { LlmApiKeyEdit } from "@claviger/shared/api/llm-api-key";
import { ApiProblem } from "@claviger/shared/api/problem";
import { and, eq } from "drizzle-orm";
import { llmKey } from "../db/tables/llm-key.ts";
import { sealCredential } from "../fleet/data-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { type Changed, commit, nextRevision } from "../idempotency/commit.ts";
import { requireUnchanged } from "../idempotency/if-match.ts";
import { modelChanges, pushModels } from "../models/push.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { Settings } from "../settings.ts";
import { readBaseUrl } from "./base-url.ts";
import { requireFreeName } from "./create.ts";
import {
  findLlmKey,
  type LlmKeyResource,
  type LlmKeyRow,
  llmKeyResource,
  previewOf,
  putLlmKey,
} from "./find.ts";

export interface LlmKeyTarget {
  readonly id: string;
  readonly projectId?: string | undefined;
  readonly ifMatch?: string | undefined;
}

/** Changes an LLM key; a new credential becomes the next version. Restrictive: models may go away. */
export async function editLlmKey(
  ports: Ports,
  settings: Settings,
  caller: Caller,
  target: LlmKeyTarget,
  input: LlmApiKeyEdit,
  action: "llm-api-key.edit" | "llm-api-key.rotate" = "llm-api-key.edit",
): Promise<Changed<LlmKeyResource>> {
  const orgId = caller.organizationId;
  let left = false;
  const done = await commit<LlmKeyResource>(ports, caller, async (tx) => {
    const before = await findLlmKey(tx, orgId, target.id, target.projectId);
    await requireUnchanged(target.ifMatch, before.revision, async () => ({
      resource: llmKeyResource(before),
    }));
    if (input.name !== undefined) await requireFreeName(tx, before.projectId, input.name, before.id);
    const sealed = await sealedOf(tx, ports, settings, before, input);
    const row: LlmKeyRow = {
      ...before,
      ...sealed,
      name: input.name ?? before.name,
      customModels: input.customModels === undefined ? before.customModels : (input.customModels ?? []),
      withDefaultModels: input.withDefaultModels ?? before.withDefaultModels,
      revision: await nextRevision(tx, orgId),
    };
    await tx
      .update(llmKey)
      .set(row)
      .where(and(eq(llmKey.orgId, orgId), eq(llmKey.id, row.id)));
    const models = await modelChanges(tx, ports, orgId);
    left = models.more;
    return {
      resource: llmKeyResource(row),
      entry: {
        actor: caller.actor,
        action,
        effect: "restrictive",
        inflight: "drain",
        changes: [...models.changes, ...putLlmKey(row)],
        keys: "all",
      },
    };
  });
  if (left) await pushModels(ports, orgId);
  return done;
}

/** Base URL and credential go together: the credential is bound to the host it was given for. */
async function sealedOf(
  tx: Tx,
  ports: Ports,
  settings: Settings,
  before: LlmKeyRow,
  input: LlmApiKeyEdit,
): Promise<Partial<LlmKeyRow>> {
  const { baseUrl, host } = readBaseUrl(input.baseUrl ?? before.baseUrl, settings.egressAllow);
  if (input.secretKey === undefined) {
    if (host !== before.sealed.host) throw needsCredential();
    return { baseUrl };
  }
  const version = before.secretVersion + 1;
  const { orgId, id, provider } = before;
  const secret = input.secretKey;
  const sealed = await sealCredential(tx, ports, { orgId, id, version, provider, host, secret });
  return { baseUrl, sealed, secretVersion: version, preview: previewOf(secret) };
}

function needsCredential(): ApiProblem {
  const detail =
    "A baseUrl on another host needs the secretKey again: it is bound to the host it was given for.";
  const pointer = "/data/attributes/secretKey";
  return new ApiProblem([{ code: "missing_required_parameter", detail, pointer }]);
}
