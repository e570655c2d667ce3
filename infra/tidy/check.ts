import { checkCycles } from "./rules/cycles.ts";
import { checkDocument, isDocument } from "./rules/doc-paths.ts";
import { checkEnvironment } from "./rules/environment.ts";
import { checkEscapes } from "./rules/escapes.ts";
import { checkFailureRows, failureModes } from "./rules/failure-rows.ts";
import { checkImports } from "./rules/imports.ts";
import { checkName } from "./rules/names.ts";
import { checkPurity } from "./rules/purity.ts";
import { checkSizes } from "./rules/sizes.ts";
import { parse, type Source, type Violation } from "./source.ts";

/** Rules that need one file only. */
const rules: readonly ((source: Source) => Violation[])[] = [
  checkImports,
  checkSizes,
  checkEscapes,
  checkPurity,
  checkEnvironment,
];

const isCode = (path: string): boolean => /\.(ts|tsx|mts|mjs|js)$/.test(path);
/** Scripts that run before anything is installed stand outside of the rooms. */
const isRoomed = (path: string): boolean => /\.tsx?$/.test(path);

/** Checks a whole repository: `files` are all its paths, `read` gives a file's text. Sorted by place. */
export function checkRepository(files: readonly string[], read: (path: string) => string): Violation[] {
  const violations = files.flatMap(checkName);
  const sources: Source[] = [];
  for (const path of files.filter(isCode)) {
    const source = parse(path, read(path));
    if ("rule" in source) violations.push(source);
    else sources.push(source);
  }
  for (const source of sources) {
    const applied = isRoomed(source.path) ? rules : rules.filter((rule) => rule !== checkImports);
    violations.push(...applied.flatMap((rule) => rule(source)));
  }
  violations.push(...checkCycles(sources));
  for (const path of files.filter(isDocument)) violations.push(...checkDocument(path, read(path), files));
  if (files.includes(failureModes)) violations.push(...checkFailureRows(read(failureModes), sources));
  return violations.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}
