/** What gateways are asked for live: their request logs and audit chains, with the names of those that did not answer. */
import type { Resource } from "@claviger/shared/api/resource";
import type { AuditRow, LogRow } from "@claviger/shared/wire/query";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask } from "../api/client.ts";

/** Where a row stands and when it was written, beside what the row says. */
interface Written {
  readonly n: number;
  readonly at: string;
  readonly gateway: string;
  readonly gatewayId: string;
  readonly replica: string;
}

export type LogEntry = Resource<
  Written & Omit<LogRow, "n" | "atMs" | "cost"> & { readonly costUsd: string | null }
>;

type EntryOf<Entry> = Entry extends { kind: string } ? Written & { readonly hash: string } & Entry : never;
export type AuditEntry = Resource<EntryOf<AuditRow["entry"]>>;

const ROWS = "50";
const LIVE_MS = 3_000;

/** Filters by the API's own names; empty ones are left out. */
export interface RecordQuery {
  readonly noun: "logs" | "audit";
  readonly filters: Readonly<Record<string, string | undefined>>;
  readonly after: string | undefined;
  readonly live: boolean;
}

export function recordsQuery<Entry>({ noun, filters, after, live }: RecordQuery) {
  const query = new URLSearchParams({ "page[size]": ROWS });
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined && value !== "") query.set(`filter[${name}]`, value);
  }
  if (after !== undefined) query.set("page[after]", after);
  return queryOptions({
    queryKey: [noun, query.toString()],
    queryFn: ({ signal }) => ask<Entry[]>("GET", `/${noun}?${query}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: live ? LIVE_MS : false,
  });
}
