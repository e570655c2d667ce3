/** OpenAPI 3.1 from the same table and schemas that serve the requests. */
import type * as z from "zod";
import type { BodyShape, Route } from "../route.ts";
import { nounOf, responsesOf } from "./answers.ts";
import { componentSchemas } from "./components.ts";
import { inputSchemaOf, type JsonSchema } from "./schema.ts";

const description = `JSON:API 1.1. Credentials are the dashboard's session cookie or \`Authorization: Bearer clvp_…\`.
Every POST honours \`Idempotency-Key\`; PATCH honours \`If-Match: "<meta.revision>"\`; changes wait for the gateways as
long as \`Prefer: wait=N\` says (10 s). Every answer has \`x-request-id\`.`;

/** The whole document. */
export function openApiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Claviger control plane",
      version: "1",
      description,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A personal access token, clvp_…" },
        operator: { type: "http", scheme: "bearer", description: "CLAVIGER_OPERATOR_TOKEN" },
        session: { type: "apiKey", in: "cookie", name: "claviger-session" },
      },
    },
  };
}

/** `/api/v1/x/:id` → `/api/v1/x/{id}` */
export const templateOf = (path: string): string => path.replace(/:([A-Za-z0-9]+)/g, "{$1}");

function operationOf(route: Route): object {
  const body = bodyOf(route.body);
  const role = route.access === "public" || route.access === "operator" ? undefined : route.access;
  return {
    operationId: idOf(route),
    summary: route.summary,
    ...(role && { description: `Needs the role ${role}.` }),
    tags: [tagOf(route)],
    security: securityOf(route.access),
    parameters: [...pathParameters(route.path), ...queryParameters(route.query), ...headerParameters(route)],
    ...(body && { requestBody: { required: route.body.kind === "resource", content: contentOf(body) } }),
    responses: responsesOf(route),
  };
}

/** `POST /api/v1/api-keys/:id/revoke` → `postApiKeysByIdRevoke` */
function idOf({ method, path }: Route): string {
  const words = path
    .replace(/^\/api\/v1/, "")
    .replace(/:([A-Za-z0-9]+)/g, "by-$1")
    .split(/[/.-]/)
    .filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function tagOf(route: Route): string {
  if (route.path.startsWith("/gateway/")) return "what gateways call";
  return nounOf(route) ?? "others";
}

function securityOf(access: Route["access"]): object[] {
  if (access === "public") return [];
  return access === "operator" ? [{ operator: [] }] : [{ token: [] }, { session: [] }];
}

function contentOf(schema: object): object {
  return { "application/vnd.api+json": { schema }, "application/json": { schema } };
}

function bodyOf(shape: BodyShape<unknown>): JsonSchema | undefined {
  if (shape.kind === "none" || shape.kind === "raw") return undefined;
  if (shape.kind === "plain") return inputSchemaOf(shape.schema);
  const attributes = inputSchemaOf(shape.attributes);
  const properties = { type: { const: shape.type }, id: { type: "string" }, attributes };
  const data = { type: "object", required: ["type"], properties };
  return { type: "object", required: ["data"], properties: { data } };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:([A-Za-z0-9]+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {} } = inputSchemaOf(query) as { properties?: Record<string, object> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
}

function headerParameters({ method, access, path }: Route): object[] {
  if (method === "GET" || path.startsWith("/gateway/") || path.startsWith("/oauth/")) return [];
  const header = (name: string, about: string, pattern?: string) => ({
    name,
    in: "header",
    description: about,
    schema: { type: "string", ...(pattern === undefined ? {} : { pattern }) },
  });
  return [
    ...(method === "POST" && access !== "public"
      ? [header("Idempotency-Key", "The same answer for the same key, for 24 h, without secrets")]
      : []),
    ...(method === "PATCH"
      ? [header("If-Match", 'Only if nobody has changed it since: "<meta.revision>"')]
      : []),
    header("Prefer", "wait=N: how many seconds to wait for the gateways", "^wait=\\d+$"),
  ];
}
