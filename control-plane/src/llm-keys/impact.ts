/** What stops when an LLM key goes: which models nobody in its project serves any more, and whose keys could use them. */
import type { LlmApiKeyImpactView } from "@claviger/shared/api/llm-api-key";
import { matches, preparePatterns } from "@claviger/shared/decide/patterns";
import { and, eq, ne, sql } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { llmKey } from "../db/tables/llm-key.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import type { LlmKeyTarget } from "./edit.ts";
import { findLlmKey, type LlmKeyRow, modelNames } from "./find.ts";

export async function readImpact(
  ports: Ports,
  caller: Caller,
  target: LlmKeyTarget,
): Promise<LlmApiKeyImpactView> {
  const row = await findLlmKey(ports.db, caller.organizationId, target.id, target.projectId);
  return impactOf(ports.db, row);
}

/** As it would be if this LLM key were not there. */
export async function impactOf(db: Queryable, row: LlmKeyRow): Promise<LlmApiKeyImpactView> {
  const others = await db
    .select()
    .from(llmKey)
    .where(and(eq(llmKey.orgId, row.orgId), eq(llmKey.projectId, row.projectId), ne(llmKey.id, row.id)));
  const left = others.flatMap(servedBy);
  const kept = new Set(left.map(({ provider, model }) => `${provider}/${model}`));
  const lost = servedBy(row).filter(({ provider, model }) => !kept.has(`${provider}/${model}`));
  let apiKeys = 0;
  let apiKeysLeftWithoutModels = 0;
  for (const rights of await rightsOf(db, row)) {
    const may = judge(rights);
    if (!lost.some(may)) continue;
    apiKeys += rights.keys;
    if (!left.some(may)) apiKeysLeftWithoutModels += rights.keys;
  }
  const lastOfProvider = others.every(({ provider }) => provider !== row.provider);
  return { models: lost.length, lastOfProvider, apiKeys, apiKeysLeftWithoutModels };
}

interface Served {
  readonly provider: string;
  readonly name: string;
  readonly model: string;
}

function servedBy(row: LlmKeyRow): Served[] {
  return modelNames(row).map((model) => ({ provider: row.provider, name: row.name, model }));
}

interface Rights {
  readonly providers: string[] | null;
  readonly models: string[] | null;
  readonly keys: number;
}

/** The lists of the project's active keys, each once with how many keys have it: a million keys share few. */
async function rightsOf(db: Queryable, { orgId, projectId }: LlmKeyRow): Promise<Rights[]> {
  const rows = await db.execute<{ providers: string[] | null; models: string[] | null; keys: string }>(sql`
    select allowed_providers as providers, allowed_models as models, count(*) as keys from api_key
    where org_id = ${orgId} and project_id = ${projectId} and status = 'active'
      and (expires_at is null or expires_at > clock_timestamp())
    group by 1, 2`);
  return rows.map(({ providers, models, keys }) => ({ providers, models, keys: Number(keys) }));
}

/** As `decide/model.ts` judges a key's lists. */
function judge({ providers, models }: Rights): (served: Served) => boolean {
  const listed = models && preparePatterns(models);
  return ({ provider, name, model }) =>
    (providers === null || providers.includes(provider)) &&
    (listed === null ||
      [model, `${provider}/${model}`, `${name}/${model}`].some((one) => matches(listed, one)));
}
