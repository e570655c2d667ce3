/** What pages read, and how long it stays fresh. Keys of the cache begin with the noun. */
import type { ApiKeyView } from "@claviger/shared/api/api-key";
import type { GatewayView } from "@claviger/shared/api/gateway";
import type { LlmApiKeyView } from "@claviger/shared/api/llm-api-key";
import type { MemberView } from "@claviger/shared/api/member";
import type { ModelView, ProviderView } from "@claviger/shared/api/model";
import type { PersonalAccessTokenView } from "@claviger/shared/api/personal-access-token";
import type { ProjectView } from "@claviger/shared/api/project";
import type { Resource } from "@claviger/shared/api/resource";
import type { SessionView } from "@claviger/shared/api/session";
import type { StatusView } from "@claviger/shared/api/status";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask, RequestFailed } from "./client.ts";
import { isLive } from "./live.ts";

export type ApiKey = Resource<ApiKeyView>;
export type Gateway = Resource<GatewayView>;
export type Agent = ApiKey;
export type Session = Resource<SessionView>;
export type Project = Resource<ProjectView>;
export type Member = Resource<MemberView>;
export type LlmApiKey = Resource<LlmApiKeyView>;
export type Token = Resource<PersonalAccessTokenView>;

/** How often what moves by itself is asked for while nothing is told. */
const POLL_MS = 2_500;
/** Told changes are asked for at once; this is the net below them. */
const NET_MS = 60_000;
const pollFleet = () => (isLive() ? NET_MS : POLL_MS);
const pollKeys = () => (isLive() ? NET_MS : 2 * POLL_MS);

/** Lists of which there are dozens at most are read whole. */
const WHOLE = "page[size]=200";

/** The session that asks; null when nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }) => {
    try {
      return (await ask<Session>("GET", "/sessions/current", { signal })).data;
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

export const fleetQuery = queryOptions({
  queryKey: ["gateways"],
  queryFn: async ({ signal }) => (await ask<Gateway[]>("GET", "/gateways", { signal })).data,
  refetchInterval: pollFleet,
  refetchIntervalInBackground: false,
  staleTime: 1_000,
});

/** What the control plane says of itself; it changes by days, not by seconds. */
export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: async ({ signal }) => (await ask<Resource<StatusView>>("GET", "/status", { signal })).data,
  refetchInterval: 60_000,
  refetchIntervalInBackground: false,
  staleTime: 10_000,
});

export interface KeyFilters {
  readonly search: string;
  readonly status: string;
  readonly owner: string;
  readonly project: string;
  readonly safety?: string;
  readonly sort: string;
  readonly after: string | undefined;
  readonly size: number;
}

/** One page of keys; rows of the page before stay until it is there. */
export function keysQuery(filters: KeyFilters) {
  return queryOptions({
    queryKey: ["api-keys", "list", filters],
    queryFn: ({ signal }) => ask<ApiKey[]>("GET", keysPath(filters), { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: pollKeys,
    staleTime: 1_000,
  });
}

export function keysPath(filters: KeyFilters): string {
  const query = new URLSearchParams({ sort: filters.sort, "page[size]": String(filters.size) });
  for (const name of ["search", "status", "owner", "project", "safety"] as const) {
    const value = filters[name] ?? "";
    if (value !== "") query.set(`filter[${name}]`, value);
  }
  if (filters.after !== undefined) query.set("page[after]", filters.after);
  return `/api-keys?${query}`;
}

export function keyQuery(id: string) {
  return queryOptions({
    queryKey: ["api-keys", "one", id],
    queryFn: ({ signal }) => ask<ApiKey>("GET", `/api-keys/${id}`, { signal }),
    refetchInterval: pollKeys,
  });
}

function wholeList<View extends object>(noun: string, path = `/${noun}`) {
  return queryOptions({
    queryKey: [noun, "all", path],
    queryFn: async ({ signal }) => (await ask<Resource<View>[]>("GET", `${path}?${WHOLE}`, { signal })).data,
    staleTime: 30_000,
  });
}

export const projectsQuery = wholeList<ProjectView>("projects");

/** What a form begins with where a project is to be chosen: the one that was there first. */
export function oldestOf(projects: readonly Project[] | undefined): Project | undefined {
  return projects?.toSorted((a, b) => a.attributes.createdAt.localeCompare(b.attributes.createdAt))[0];
}

export const membersQuery = wholeList<MemberView>("members");
export const providersQuery = wholeList<ProviderView>("providers");
export const llmKeysQuery = wholeList<LlmApiKeyView>("llm-api-keys");
export const sessionsQuery = wholeList<SessionView>("sessions");
export const agentsQuery = wholeList<ApiKeyView>("agents");
export const tokensQuery = wholeList<PersonalAccessTokenView>("personal-access-tokens");

/** Models whose name holds the text, for suggestions. */
export function modelsQuery(search: string) {
  return queryOptions({
    queryKey: ["models", search],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ "page[size]": "20", "filter[search]": search });
      return (await ask<Resource<ModelView>[]>("GET", `/models?${query}`, { signal })).data;
    },
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  });
}
