/** The catalogue as an organization has it: its own prices in place of the list's, its own models beside the list's. */
import type { ListQuery } from "@claviger/shared/api/list";
import type { ModelView, ProviderView } from "@claviger/shared/api/model";
import { notFound, problem } from "@claviger/shared/api/problem";
import type { Page, Resource } from "@claviger/shared/api/resource";
import { and, eq } from "drizzle-orm";
import type { Queryable } from "../db/database.ts";
import { modelOverride } from "../db/tables/model-override.ts";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { findModel, wholeCatalogue } from "./catalogue.ts";
import { keyOf, type ModelName, type ModelTerms, overridesOf, termsOf } from "./price-rows.ts";
import { providerNames, providerRow } from "./providers.ts";
import { servedNames } from "./push.ts";
import { modelView } from "./view.ts";

export type ModelResource = Resource<ModelView>;

export interface ModelQuery extends ListQuery {
  readonly provider?: string | undefined;
  readonly search?: string | undefined;
  readonly served?: boolean | undefined;
  readonly priced?: boolean | undefined;
  readonly source?: ModelView["source"] | undefined;
}

const NOTHING: ModelTerms = { price: null, contextWindow: null, outputTokensMax: null };

/** Of a model that nobody has said anything of: never changed. */
const NEVER = "0.0";

/** Models by provider and name; ids are `provider/name`. */
export async function listModels(
  ports: Ports,
  caller: Caller,
  query: ModelQuery,
): Promise<Page<ModelResource>> {
  const search = query.search?.toLowerCase();
  const named = (name: ModelName) =>
    (query.provider === undefined || name.provider === query.provider) &&
    (search === undefined || keyOf(name).toLowerCase().includes(search));
  const models = await allViews(ports, caller.organizationId, named);
  const fits = (model: ModelView) =>
    (query.served === undefined || model.served === query.served) &&
    (query.priced === undefined || (model.inputUsdPerMillion !== null) === query.priced) &&
    (query.source === undefined || model.source === query.source);
  return slice(models.filter(fits).map(modelResource), query);
}

/** One model and the revision of what the organization says of it. */
export async function readModel(ports: Ports, caller: Caller, id: string) {
  const { view, revision } = await viewOf(ports.db, caller.organizationId, nameOf(id), ports.clock.nowMs());
  return { resource: modelResource(view), revision };
}

/** The provider table. */
export function listProviders(query: ListQuery): Page<Resource<ProviderView>> {
  const rows = providerNames.map((name): Resource<ProviderView> => {
    const row = providerRow(name);
    const attributes = {
      name,
      defaultBaseUrl: row?.baseUrl ?? null,
      needsCredential: row?.needsCredential ?? true,
    };
    return { type: "provider", id: name, attributes };
  });
  return slice(rows, query);
}

export function modelResource(view: ModelView): ModelResource {
  return { type: "model", id: `${view.provider}/${view.name}`, attributes: view };
}

/** `provider/name` of a provider in the table; a 404 for anything else. */
export function nameOf(id: string): ModelName {
  const slash = id.indexOf("/");
  const name = { provider: id.slice(0, slash), model: id.slice(slash + 1) };
  const known = slash > 0 && providerRow(name.provider) !== undefined;
  if (!known || name.model === "" || name.model.length > 256) throw notFound("model");
  return name;
}

/** What holds of a model, of one that no LLM key names too, and who says it. */
export async function viewOf(
  db: Queryable,
  orgId: string,
  name: ModelName,
  nowMs: number,
): Promise<{ view: ModelView; terms: ModelTerms; revision: string }> {
  const own = (await overridesOf(db, orgId)).get(keyOf(name));
  const listed = findModel(name.provider, name.model, nowMs);
  const served = (await servedNames(db, orgId, name.provider)).some(({ model }) => model === name.model);
  const source = own !== undefined ? "override" : listed !== undefined ? "catalogue" : "custom";
  const terms = own ?? (listed === undefined ? NOTHING : termsOf(listed));
  const { orgId: org, provider, model, revision } = modelOverride;
  const [row] = await db
    .select({ revision })
    .from(modelOverride)
    .where(and(eq(org, orgId), eq(provider, name.provider), eq(model, name.model)));
  return { view: modelView(name, terms, { source, served }), terms, revision: row?.revision ?? NEVER };
}

/** Of the models whose name fits: most of the work is in showing one. */
async function allViews(
  ports: Ports,
  orgId: string,
  named: (name: ModelName) => boolean,
): Promise<ModelView[]> {
  const nowMs = ports.clock.nowMs();
  const overrides = await overridesOf(ports.db, orgId);
  const served = new Map((await servedNames(ports.db, orgId)).map((name) => [keyOf(name), name]));
  const views = new Map<string, ModelView>();
  const add = (name: ModelName, terms: ModelTerms, source: ModelView["source"]) => {
    const key = keyOf(name);
    if (named(name)) views.set(key, modelView(name, terms, { source, served: served.has(key) }));
  };
  for (const model of wholeCatalogue(nowMs)) {
    const name = { provider: model.provider, model: model.name };
    if (named(name)) add(name, termsOf(model), "catalogue");
  }
  for (const [key, name] of served) {
    if (views.has(key) || !named(name)) continue;
    const listed = findModel(name.provider, name.model, nowMs);
    if (listed === undefined) add(name, NOTHING, "custom");
    else add(name, termsOf(listed), "catalogue");
  }
  for (const own of overrides.values()) add(own, own, "override");
  return [...views].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, view]) => view);
}

function slice<R extends Resource>(rows: readonly R[], query: ListQuery): Page<R> {
  const start = query.after === undefined ? 0 : readOffset(query.after);
  const resources = rows.slice(start, start + query.size);
  const end = start + resources.length;
  return { resources, next: end < rows.length ? String(end) : null, total: rows.length };
}

function readOffset(after: string): number {
  if (/^\d{1,9}$/.test(after)) return Number(after);
  throw problem("invalid_value", "page[after] is no cursor of this list.");
}
