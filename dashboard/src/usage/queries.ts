/** What the usage page asks. Figures move by themselves, so they are asked for again while somebody looks. */
import type { Resource } from "@claviger/shared/api/resource";
import type { UsageFreshness, UsageView } from "@claviger/shared/api/usage";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type Answer, ask, RequestFailed } from "../api/client.ts";
import type { Range } from "./range.ts";
import type { FilterName, UsageSearch } from "./search.ts";

export type UsageRow = Resource<UsageView>;

/** How often figures are asked for again. */
const AGAIN_MS = 10_000;

/** One value of one dimension, that narrows what the page's own filters leave. */
export interface Only {
  readonly by: string;
  readonly value: string;
}

/** The page's filters as the API's parameters. */
export function filterParameters({ filters, q, tag }: UsageSearch, only?: Only): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) query.set(`filter[${name}]`, value);
  if (q !== undefined) query.set("filter[search]", q);
  if (tag !== undefined) {
    const at = tag.indexOf("=");
    query.set(`filter[metadata.${tag.slice(0, at)}]`, tag.slice(at + 1));
  }
  if (only !== undefined) query.set(`filter[${only.by}]`, only.value);
  return query;
}

export interface Asked {
  readonly search: UsageSearch;
  readonly range: Pick<Range, "fromMs" | "toMs">;
  readonly only?: Only;
  readonly more?: Readonly<Record<string, string | undefined>>;
}

export function usagePath({ search, range, only, more = {} }: Asked): string {
  const query = filterParameters(search, only);
  query.set("from", new Date(range.fromMs).toISOString());
  query.set("to", new Date(range.toMs).toISOString());
  for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, value);
  return `/usage?${query}`;
}

export function usageQuery(asked: Asked) {
  const path = usagePath(asked);
  return queryOptions({
    queryKey: ["usage", path],
    queryFn: ({ signal }) => askRows(path, signal, asked.more?.interval !== undefined),
    placeholderData: keepPreviousData,
    refetchInterval: AGAIN_MS,
    refetchIntervalInBackground: false,
    staleTime: 1_000,
  });
}

/** One page; `whole`: with all that follow it, because a chart without its end would say that there was nothing. */
async function askRows(path: string, signal: AbortSignal, whole: boolean): Promise<Answer<UsageRow[]>> {
  const first = await ask<UsageRow[]>("GET", path, { signal });
  const rows = [...first.data];
  for (let { next } = first; whole && next !== null; ) {
    const page = await ask<UsageRow[]>("GET", `${path}&${new URLSearchParams({ "page[after]": next })}`, {
      signal,
    });
    rows.push(...page.data);
    next = page.next;
  }
  return { ...first, data: rows };
}

/** What each gateway's figures are complete to, as any answer tells. */
export function completeOf(answer: Answer<unknown> | undefined): readonly UsageFreshness[] {
  return (answer?.meta as { complete?: readonly UsageFreshness[] } | undefined)?.complete ?? [];
}

/** The same figures as a file, under the name that the control plane gives it. */
export async function downloadCsv(asked: Asked): Promise<void> {
  const response = await fetch(`/api/v1${usagePath(asked)}`, { headers: { accept: "text/csv" } });
  if (!response.ok) throw new RequestFailed(response.status, []);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = "usage.csv";
  link.click();
  URL.revokeObjectURL(url);
}

/** Filters that the gateways' request logs have too. */
export const logFilters = [
  "key",
  "gateway",
  "provider",
  "model",
  "code",
] as const satisfies readonly FilterName[];
