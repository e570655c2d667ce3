/** From what a schema found to what a caller is told: one finding per place, each with its pointer. */
import type { Finding } from "@claviger/shared/api/problem";
import type * as z from "zod";

type Issue = z.core.$ZodIssue;

/** Findings of a body; `prefix` is the pointer of the value that was parsed, e.g. `/data/attributes`. */
export function bodyFindings(issues: readonly Issue[], prefix: string): [Finding, ...Finding[]] {
  return nonEmpty(
    issues.flatMap((issue) =>
      spread(issue).map((found) => ({
        code: found.code,
        detail: found.detail,
        pointer: pointerOf(prefix, found.path),
      })),
    ),
  );
}

/** Findings of the query string. */
export function queryFindings(issues: readonly Issue[]): [Finding, ...Finding[]] {
  return nonEmpty(
    issues.flatMap((issue) =>
      spread(issue).map((found) => ({
        code: found.code,
        detail: found.detail,
        parameter: String(found.path[0] ?? ""),
      })),
    ),
  );
}

interface Found {
  readonly code: "unknown_parameter" | "missing_required_parameter" | "invalid_value";
  readonly detail: string;
  readonly path: readonly PropertyKey[];
}

function spread(issue: Issue): Found[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      code: "unknown_parameter",
      detail: `${key} is not known here.`,
      path: [...issue.path, key],
    }));
  }
  const name = issue.path.map(String).join(".") || "the body";
  if (isMissing(issue)) {
    return [{ code: "missing_required_parameter", detail: `${name} is needed.`, path: issue.path }];
  }
  const words = issue.code === "invalid_type" ? `must be ${nounOf(issue.expected)}` : lower(issue.message);
  return [{ code: "invalid_value", detail: `${name}: ${words}.`, path: issue.path }];
}

function isMissing(issue: Issue): boolean {
  if (issue.code === "custom") return issue.params?.missing === true;
  return "input" in issue && issue.input === undefined && issue.path.length > 0;
}

function nounOf(expected: string): string {
  if (expected === "int") return "a whole number";
  if (expected === "record") return "an object";
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function lower(message: string): string {
  return message.replace(/\.$/, "").replace(/^[A-Z]/, (letter) => letter.toLowerCase());
}

/** An attribute is named as a whole, wherever inside of it the fault lies; the detail says where. */
function pointerOf(prefix: string, path: readonly PropertyKey[]): string {
  const [first] = path;
  return first === undefined ? prefix : `${prefix}/${escapeToken(String(first))}`;
}

/** One step of a JSON pointer (RFC 6901). */
export function escapeToken(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The first finding of each place: what is empty is also blank, and once is enough. */
function nonEmpty(findings: Finding[]): [Finding, ...Finding[]] {
  const places = new Map<string | undefined, Finding>();
  for (const finding of findings) {
    const place = finding.pointer ?? finding.parameter;
    if (!places.has(place)) places.set(place, finding);
  }
  const [first, ...rest] = places.values();
  if (first === undefined) throw new Error("a schema refused without an issue");
  return [first, ...rest];
}
