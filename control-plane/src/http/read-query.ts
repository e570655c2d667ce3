/** Query parameters and the request headers that every route understands alike. */
import { ApiProblem } from "@claviger/shared/api/problem";
import * as z from "zod";
import { queryFindings } from "./findings.ts";

const Nothing = z.strictObject({});

/** What the route's schema makes of the query string; unknown and repeated parameters are refused. */
export function readQuery(url: URL, schema: z.ZodType | undefined): unknown {
  const given: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(given, name)) throw repeated(name);
    given[name] = value;
  }
  const parsed = (schema ?? Nothing).safeParse(given, { reportInput: true });
  if (!parsed.success) throw new ApiProblem(queryFindings(parsed.error.issues));
  return schema === undefined ? undefined : parsed.data;
}

function repeated(parameter: string): ApiProblem {
  return new ApiProblem([{ code: "invalid_value", detail: `${parameter} stands twice.`, parameter }]);
}

const WAIT_SECONDS_DEFAULT = 10;
/** Below the time that proxies give a request. */
const WAIT_SECONDS_MAX = 50;

/** `Prefer: wait=N` (RFC 7240 §4.3) in milliseconds; what cannot be read is no preference. */
export function readWait(header: string | undefined): number {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?:$|[,;\s])/i.exec(header ?? "");
  const seconds = match === null ? WAIT_SECONDS_DEFAULT : Number(match[1]);
  return Math.min(seconds, WAIT_SECONDS_MAX) * 1000;
}

/** The one strong entity tag of `If-Match` without its quotes, or `*`. A weak or malformed one matches nothing. */
export function readIfMatch(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const tag = header.trim();
  return /^"([^"]*)"$/.exec(tag)?.[1] ?? tag;
}
