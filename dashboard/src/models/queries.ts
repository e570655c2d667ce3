import type { ModelAliasView, ModelView } from "@claviger/shared/api/model";
import type { Resource } from "@claviger/shared/api/resource";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask } from "../api/client.ts";

export type Model = Resource<ModelView>;
export type ModelAlias = Resource<ModelAliasView>;

export const PAGE_SIZE = 50;

/** What the address says about the catalogue. */
export interface ModelSearch {
  readonly q: string;
  readonly provider: string;
  readonly show: "" | "served" | "override" | "unpriced";
  /** From 1. */
  readonly page: number;
}

/** One page of the catalogue; rows of the page before stay until it is there. */
export function cataloguePage({ q, provider, show, page }: ModelSearch) {
  const query = new URLSearchParams({ "page[size]": String(PAGE_SIZE) });
  if (q !== "") query.set("filter[search]", q);
  if (provider !== "") query.set("filter[provider]", provider);
  if (show === "served") query.set("filter[served]", "true");
  if (show === "unpriced") query.set("filter[priced]", "false");
  if (show === "override") query.set("filter[source]", "override");
  if (page > 1) query.set("page[after]", String((page - 1) * PAGE_SIZE));
  return queryOptions({
    queryKey: ["models", "catalogue", String(query)],
    queryFn: ({ signal }) => ask<Model[]>("GET", `/models?${query}`, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
}

export const aliasesQuery = queryOptions({
  queryKey: ["model-aliases"],
  queryFn: async ({ signal }) =>
    (await ask<ModelAlias[]>("GET", "/model-aliases?page[size]=200", { signal })).data,
  staleTime: 10_000,
});

/** Where a model is in the API: its id has slashes, which the path takes written as %2F only. */
export function pathOf(model: Model): string {
  return `/models/${encodeURIComponent(model.id)}`;
}
