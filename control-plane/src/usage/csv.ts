/** Usage as CSV (RFC 4180), row by row as it is read: no size of an export is held in memory. */
import type { UsageGroup } from "@claviger/shared/api/usage";
import type { Ports } from "../ports.ts";
import type { Caller } from "../sessions/caller.ts";
import { FIGURES } from "./figures.ts";
import { listUsage, type UsageResource } from "./list.ts";
import type { UsageQuery } from "./query.ts";

/** Rows that are read at once. */
const ROWS = 2_000;

const SUMS = [...FIGURES.map(({ name }) => name), "spentUsd"] as const;
const DURATIONS = ["latencyP50Ms", "latencyP95Ms", "firstByteP50Ms", "firstByteP95Ms"] as const;
const COLUMNS = [...SUMS, ...DURATIONS];

/**
 * All rows of a query, by time and then by group: an order that does not move while usage comes in, so that no group is
 * missing or twice. Refusals come before the first byte; what fails later errors the stream, never ends it early.
 */
export async function usageCsv(
  ports: Pick<Ports, "db" | "clock">,
  caller: Pick<Caller, "organizationId">,
  query: UsageQuery,
): Promise<ReadableStream<Uint8Array>> {
  const byGroup: UsageQuery = { ...query, sort: { by: "group", descending: false } };
  const read = (after: string | undefined) =>
    listUsage(ports, caller, byGroup, { size: ROWS, after }, after !== undefined);
  const encoder = new TextEncoder();
  const { groups } = query;
  let page: Awaited<ReturnType<typeof read>> | undefined = await read(undefined);
  let head: string | undefined = line(["at", ...groups.flatMap((name) => [name, `${name}Name`]), ...COLUMNS]);
  return new ReadableStream({
    async pull(controller) {
      if (page === undefined) return controller.close();
      const rows = page.resources.map((resource) => line(cellsOf(resource, groups)));
      controller.enqueue(encoder.encode([head ?? "", ...rows].join("")));
      head = undefined;
      page = page.next === null ? undefined : await read(page.next);
    },
  });
}

function cellsOf({ attributes }: UsageResource, groups: readonly UsageGroup[]): (string | number | null)[] {
  return [
    attributes.at,
    ...groups.flatMap((name) => [attributes.group[name] ?? null, attributes.names[name] ?? null]),
    ...COLUMNS.map((name) => attributes[name]),
  ];
}

function line(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cell).join(",")}\r\n`;
}

/** What a spreadsheet takes for the beginning of a formula, in its wide forms too. */
const FORMULA = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

/** One field. Text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
