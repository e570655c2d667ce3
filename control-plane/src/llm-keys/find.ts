/** Reading LLM keys, always inside one organization; the credential is never read here. */
import type { LlmApiKeyView } from "@claviger/shared/api/llm-api-key";
import { invalidAttribute, notFound } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";
import type { Change, ProviderRecord } from "@claviger/shared/wire/record";
import { and, eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { jsonBytes } from "../db/json-size.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import { namesOf } from "../models/catalogue.ts";

export type LlmKeyRow = typeof llmKey.$inferSelect;
export type LlmKeyResource = Resource<LlmApiKeyView>;

const RECORD_BYTES_MAX = 65_536;

/** The row of an LLM key of that project (of any project when it is undefined). */
export async function findLlmKey(
  db: Queryable,
  orgId: string,
  id: string,
  projectId?: string,
): Promise<LlmKeyRow> {
  const inProject = projectId === undefined ? undefined : eq(llmKey.projectId, projectId);
  const [row] = await db
    .select()
    .from(llmKey)
    .where(and(eq(llmKey.orgId, orgId), eq(llmKey.id, id), inProject));
  if (row === undefined) throw notFound("LLM API key");
  return row;
}

/** The default catalogue, if it is on, and the custom models; each name once. */
export function modelNames(
  row: Pick<LlmKeyRow, "provider" | "withDefaultModels" | "customModels">,
): string[] {
  const defaults = row.withDefaultModels ? namesOf(row.provider) : [];
  return [...new Set([...defaults, ...row.customModels])];
}

export function llmKeyResource(row: LlmKeyRow): LlmKeyResource {
  const { provider, name, preview, baseUrl, customModels, withDefaultModels, projectId, secretVersion } = row;
  return {
    type: "llm-api-key",
    id: row.id,
    attributes: {
      provider,
      name,
      preview,
      baseUrl,
      customModels,
      withDefaultModels,
      models: modelNames(row),
      projectId,
      secretVersion,
      createdAt: row.createdAt.toISOString(),
    },
  };
}

/** The credential stands before the record that needs it, so no gateway ever holds a version it cannot open. */
export function putLlmKey(row: LlmKeyRow): Change[] {
  const record: ProviderRecord = {
    id: row.id,
    projectId: row.projectId,
    provider: row.provider,
    name: row.name,
    baseUrl: row.baseUrl,
    models: modelNames(row),
    secretVersion: row.secretVersion,
  };
  if (jsonBytes(record) > RECORD_BYTES_MAX) {
    throw invalidAttribute("customModels", "The LLM key is larger than 64 KiB in all; name fewer models.");
  }
  return [
    { op: "put", kind: "secret", id: row.id, record: row.sealed },
    { op: "put", kind: "provider", id: row.id, record },
  ];
}

/** The last four characters, when that leaves enough unsaid. */
export function previewOf(secret: string): string {
  return secret.length >= 16 ? `…${secret.slice(-4)}` : "…";
}
