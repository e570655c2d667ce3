import type { UsageGroup } from "@claviger/shared/api/usage";
import type { UsageResource } from "./list.ts";

/** RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function usageCsv(resources: readonly UsageResource[], groups: readonly UsageGroup[]): string {
  const [first] = resources;
  const figures = Object.keys(first?.attributes ?? {}).filter(
    (name) => !["at", "group", "names"].includes(name),
  );
  const head = ["at", ...groups.flatMap((name) => [name, `${name}Name`]), ...figures];
  const rows = resources.map(({ attributes }) => [
    attributes.at,
    ...groups.flatMap((name) => [attributes.group[name] ?? null, attributes.names[name] ?? null]),
    ...figures.map((name) => (attributes as unknown as Record<string, string | number | null>)[name] ?? null),
  ]);
  return `${[head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
