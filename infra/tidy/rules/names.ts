import type { Violation } from "../source.ts";

/** Names that somebody else fixed. */
const given =
  /^(README|CHANGELOG|LICENSE|NOTICE|CONTRIBUTING|SECURITY|NOTES|Dockerfile|Chart|_helpers|__root|\$)|@\.service$/;
/** drizzle-kit names these. */
const generated = /\/migrations\//;
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** File and folder names are kebab-case, each part between dots for itself. */
export function checkName(path: string): Violation[] {
  if (generated.test(path)) return [];
  const wrong = path.split("/").filter((name) => {
    if (name.startsWith(".") || given.test(name)) return false;
    return !name.split(".").every((part) => kebab.test(part));
  });
  const message = (name: string) => `"${name}" is not kebab-case`;
  return wrong.map((name) => ({ path, line: 1, rule: "kebab-case", message: message(name) }));
}
