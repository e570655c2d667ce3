/** The catalogue as the API lists it: the same for all organizations, so a page is a slice. */
import type { ListQuery } from "@claviger/shared/api/list";
import type { ModelView, ProviderView } from "@claviger/shared/api/model";
import { ApiProblem } from "@claviger/shared/api/problem";
import type { Page, Resource } from "@claviger/shared/api/resource";
import { allModels, modelsOf } from "./catalogue.ts";
import { providerNames, providerRow } from "./providers.ts";

export interface ModelQuery extends ListQuery {
  readonly provider?: string | undefined;
  readonly search?: string | undefined;
}

/** Models by provider and name; ids are `provider/name`. */
export function listModels(query: ModelQuery): Page<Resource<ModelView>> {
  const search = query.search?.toLowerCase();
  const models = query.provider === undefined ? allModels() : modelsOf(query.provider);
  const found = models.filter((model) => search === undefined || idOf(model).toLowerCase().includes(search));
  return slice(
    found.map((model) => ({ type: "model", id: idOf(model), attributes: model })),
    query,
  );
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

function idOf(model: ModelView): string {
  return `${model.provider}/${model.name}`;
}

function slice<R extends Resource>(rows: readonly R[], query: ListQuery): Page<R> {
  const start = query.after === undefined ? 0 : readOffset(query.after);
  const resources = rows.slice(start, start + query.size);
  const end = start + resources.length;
  return { resources, next: end < rows.length ? String(end) : null, total: rows.length };
}

function readOffset(after: string): number {
  if (/^\d{1,9}$/.test(after)) return Number(after);
  const detail = "page[after] is no cursor of this list.";
  throw new ApiProblem([{ code: "invalid_value", detail, parameter: "page[after]" }]);
}
