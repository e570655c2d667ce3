/** What a route answers, in the words of OpenAPI. Rules first; what does not follow them is named. */
import type { Route } from "../route.ts";
import { nouns, resourceName } from "./components.ts";
import { type JsonSchema, nullable, objectOf, refTo } from "./schema.ts";

/** Nouns of routes that do not say theirs. */
const saidHere: Readonly<Record<string, string>> = {
  "GET /api/v1/logs": "log-entry",
  "GET /api/v1/audit": "audit-entry",
  "GET /api/v1/status": "status",
};

/** Reads of one thing that no id names. */
const singular = /\/(organization|status|notification-rules|sign-in-policy|single-sign-on|impact|current)$/;

/** What these answer is no document. */
const other: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  "GET /metrics": { "text/plain": { schema: { type: "string" } } },
  "GET /api/v1/events": { "text/event-stream": { schema: { type: "string" } } },
  "POST /oauth/token": {
    "application/json": {
      schema: objectOf(
        {
          access_token: { type: "string" },
          token_type: { const: "Bearer" },
          expires_in: { type: "integer" },
          scope: { type: "string" },
        },
        ["scope"],
      ),
    },
  },
};

/** Further forms of an answer, by `Accept`. */
const besides: Readonly<Record<string, string>> = {
  "GET /api/v1/usage": "text/csv",
  "GET /api/v1/logs": "text/event-stream",
  "GET /api/v1/operations/:id": "text/event-stream",
};

/** Where browsers go, and what they are answered is where to go on. */
const isRedirect = ({ path }: Pick<Route, "path">): boolean => /\/single-sign-on\/(begin|return)$/.test(path);

const nameOf = ({ method, path }: Pick<Route, "method" | "path">): string => `${method} ${path}`;

/** The noun of a route, when it has one. */
export const nounOf = (route: Route): string | undefined => route.answers ?? saidHere[nameOf(route)];

/** `responses` of an operation. */
export function responsesOf(route: Route): Record<string, object> {
  if (isRedirect(route)) return { "303": { description: "Go on there" }, default: problemOf(route) };
  const content = other[nameOf(route)] ?? contentOf(route);
  const done = Object.fromEntries(
    statusesOf(route).map(({ status, description }) => [status, { description, content }]),
  );
  return { ...done, default: problemOf(route) };
}

function contentOf(route: Route): Record<string, object> {
  if (route.path.startsWith("/gateway/")) return { "application/json": {} };
  const also = besides[nameOf(route)];
  return {
    "application/vnd.api+json": { schema: documentOf(route) },
    ...(also === undefined ? {} : { [also]: { schema: { type: "string" } } }),
  };
}

function documentOf(route: Route): JsonSchema {
  const noun = nounOf(route);
  const resource = noun === undefined || nouns[noun] === undefined ? {} : refTo(resourceName(noun));
  const meta = refTo("Meta");
  if (isList(route)) {
    const links = objectOf({ next: { type: ["string", "null"], description: "Path of the next page" } });
    return objectOf({ data: { type: "array", items: resource }, links, meta }, ["meta"]);
  }
  const data = route.method === "GET" && noun !== undefined ? resource : nullable(resource);
  return objectOf({ data, meta }, ["meta"]);
}

/** A read that ends with no id, unless it is of the one thing that there is. */
export function isList(route: Route): boolean {
  return route.method === "GET" && !/:[A-Za-z0-9]+$/.test(route.path) && !singular.test(route.path);
}

function statusesOf(route: Route): { status: string; description: string }[] {
  const done = { status: "200", description: "Done" };
  if (route.method === "GET" || route.path.startsWith("/oauth/")) return [done];
  const created = { status: "201", description: "Made" };
  const pending = {
    status: "202",
    description:
      "Accepted, and not yet in force on every gateway: meta.operation says where, and by when it is",
  };
  return route.method === "POST" ? [done, created, pending] : [done, pending];
}

function problemOf(route: Route): object {
  const description = "A problem";
  if (route.errors === "gateway")
    return { description, content: { "application/json": { schema: refTo("GatewayProblem") } } };
  if (route.errors === "oauth")
    return { description, content: { "application/json": { schema: refTo("OauthProblem") } } };
  return { description, content: { "application/vnd.api+json": { schema: refTo("Problem") } } };
}
