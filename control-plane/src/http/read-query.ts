/** Query parameters and the request headers that every route understands alike. */
import { ApiProblem } from "@claviger/shared/api/problem";
import * as z from "zod";
import { queryFindings } from "./findings.ts";

const Nothing = z.strictObject({});

/** What the route's schema makes of the query string; unknown and repeated parameters are refused. */
export function readQuery(url: URL, schema: z.ZodType | undefined): unknown {
  const given: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(given, name)) throw wrong(name, `${name} stands twice.`);
    if (value.includes("\0")) throw wrong(name, `${name} holds a character that no text has.`);
    given[name] = value;
  }
  const parsed = (schema ?? Nothing).safeParse(given, { reportInput: true });
  if (!parsed.success) throw new ApiProblem(queryFindings(parsed.error.issues));
  return schema === undefined ? undefined : parsed.data;
}

function wrong(parameter: string, detail: string): ApiProblem {
  return new ApiProblem([{ code: "invalid_value", detail, parameter }]);
}

const WAIT_SECONDS_DEFAULT = 10;
/** Below the time that proxies give a request. */
const WAIT_SECONDS_MAX = 50;

/** `Prefer: wait=N` (RFC 7240 §4.3) in milliseconds; other preferences are passed over, a `wait` without a number is refused. */
export function readWait(header: string | undefined): number {
  const wait = (header ?? "")
    .split(/[,;]/)
    .map((part) => part.trim())
    .find((part) => /^wait\b/i.test(part));
  if (wait === undefined) return WAIT_SECONDS_DEFAULT * 1000;
  const match = /^wait\s*=\s*"?(\d{1,6})"?$/i.exec(wait);
  if (match !== null) return Math.min(Number(match[1]), WAIT_SECONDS_MAX) * 1000;
  const detail = "Prefer: wait takes a whole number of seconds.";
  throw new ApiProblem([{ code: "invalid_header", detail, header: "prefer" }]);
}

/** The one strong entity tag of `If-Match` without its quotes, or `*`. A weak or malformed one matches nothing. */
export function readIfMatch(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const tag = header.trim();
  return /^"([^"]*)"$/.exec(tag)?.[1] ?? tag;
}
