/** `value: role` on each line, as people type what a claim's values give. */
import { type Role, roles } from "@claviger/shared/api/role-rank";

export type Mapping = Readonly<Record<string, Role>>;

/** The mapping, or the number of the first line that is none. */
export function readMapping(text: string): { mapping: Mapping } | { wrongLine: number } {
  const entries: [string, Role][] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    // The last colon: values of claims may hold some.
    const [, value = "", name] = /^(.*):([^:]*)$/.exec(line) ?? [];
    const role = roles.find((each) => each === name?.trim().toLowerCase());
    if (value.trim() === "" || role === undefined) return { wrongLine: at + 1 };
    entries.push([value.trim(), role]);
  }
  return { mapping: Object.fromEntries(entries) };
}

export function writeMapping(mapping: Mapping): string {
  return Object.entries(mapping)
    .map(([value, role]) => `${value}: ${role}`)
    .join("\n");
}
