import type { Violation } from "../source.ts";

const topFolders = ["control-plane", "gateway", "shared", "dashboard", "infra", "docs", ".ci"];
const pathLike = new RegExp(`^(${topFolders.join("|").replace(".", "\\.")})/[\\w@.{},*<>/-]*$`);

/** A document is checked if it is the README or lies below docs. */
export const isDocument = (path: string): boolean => path === "README.md" || /^docs\/.*\.md$/.test(path);

/** Every repository path that a document names, in backticks or as a relative link, must exist. */
export function checkDocument(path: string, text: string, files: readonly string[]): Violation[] {
  const known = new Set(files.flatMap(withFolders));
  const violations: Violation[] = [];
  text.split("\n").forEach((line, index) => {
    for (const named of [...pathsIn(line), ...linksIn(line, path)]) {
      for (const each of expand(named)) {
        if (exists(each, known)) continue;
        violations.push({ path, line: index + 1, rule: "doc-path", message: `${each} does not exist` });
      }
    }
  });
  return violations;
}

function pathsIn(line: string): string[] {
  const spans = [...line.matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? "").replace(/(:\d+|#\S+)$/, ""));
  return spans.filter((span) => pathLike.test(span));
}

function linksIn(line: string, from: string): string[] {
  const targets = [...line.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => (match[1] ?? "").replace(/#.*$/, ""));
  return targets
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
    .map((target) => decodeURI(new URL(target, `file:///${from}`).pathname.slice(1)));
}

/** `a/{b,c}.ts` names two paths. */
function expand(path: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(path);
  if (match === null) return [path];
  const [, before, choices = "", after] = match;
  return choices.split(",").flatMap((choice) => expand(`${before}${choice.trim()}${after}`));
}

/** `gateway/admit` may stand for `gateway/src/admit`; `*` and `<name>` for any name. */
function exists(path: string, known: ReadonlySet<string>): boolean {
  const bare = path.replace(/\/$/, "");
  const candidates = [bare, bare.replace(/^(control-plane|gateway|shared|dashboard)\//, "$1/src/")];
  if (!/[*<]/.test(bare)) return candidates.some((candidate) => known.has(candidate));
  const patterns = candidates.map((candidate) => {
    const parts = candidate.split(/\*+|<[^>]*>/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join("[^/]+")}$`);
  });
  return [...known].some((file) => patterns.some((pattern) => pattern.test(file)));
}

function withFolders(file: string): string[] {
  const parts = file.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
