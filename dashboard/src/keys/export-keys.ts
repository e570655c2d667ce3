/** All keys that a filter matches, or some of them, as a file; no secret is in it, because none is anywhere. */
import { ask } from "../api/client.ts";
import { type ApiKey, type KeyFilters, keysPath } from "../api/queries.ts";

const columns = [
  "name",
  "note",
  "status",
  "preview",
  "ownerName",
  "projectId",
  "expiresAt",
  "lastUsedAt",
  "createdAt",
  "requests",
  "usagePercent",
  "spentUsd",
  "budgetUsd",
  "budgetPeriod",
  "requestsPerMinute",
  "tokensPerMinute",
] as const;

const PAGE = 200;

/** Reads page by page, in the list's order; `only` keeps these. */
export async function readAllKeys(filters: KeyFilters, only: ReadonlySet<string> | null): Promise<ApiKey[]> {
  const found: ApiKey[] = [];
  let after: string | undefined;
  do {
    const page = await ask<ApiKey[]>("GET", keysPath({ ...filters, after, size: PAGE }));
    found.push(...page.data.filter(({ id }) => only?.has(id) ?? true));
    after = page.next ?? undefined;
  } while (after !== undefined && (only === null || found.length < only.size));
  return found;
}

export function toCsv(keys: readonly ApiKey[]): string {
  const rows = keys.map(({ id, attributes }) => [id, ...columns.map((name) => attributes[name])]);
  return [["id", ...columns], ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

/** RFC 4180; what a spreadsheet would run as a formula is kept text. */
function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function download(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
