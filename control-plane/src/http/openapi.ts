/** OpenAPI 3.1 from the same table and schemas that serve the requests. */
import * as z from "zod";
import type { BodyShape, Route } from "./route.ts";

/** The whole document. */
export function openApiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:([A-Za-z0-9]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Claviger control plane", version: "1" },
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A personal access token, clvp_…" },
        operator: { type: "http", scheme: "bearer", description: "CLAVIGER_OPERATOR_TOKEN" },
        session: { type: "apiKey", in: "cookie", name: "claviger-session" },
      },
    },
  };
}

function operationOf(route: Route): object {
  const body = bodyOf(route.body);
  const role = route.access === "public" || route.access === "operator" ? undefined : route.access;
  return {
    summary: route.summary,
    ...(role && { description: `Needs the role ${role}.` }),
    ...(route.answers && { tags: [route.answers] }),
    security: securityOf(route.access),
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(body && { requestBody: { required: route.body.kind === "resource", content: contentOf(body) } }),
    responses: {
      [route.method === "POST" && route.body.kind === "resource" ? "201" : "200"]: { description: "Done" },
      default: { description: "A problem: {errors: [{id, status, code, title, detail, source}]}" },
    },
  };
}

function securityOf(access: Route["access"]): object[] {
  if (access === "public") return [];
  return access === "operator" ? [{ operator: [] }] : [{ token: [] }, { session: [] }];
}

function contentOf(schema: object): object {
  return { "application/vnd.api+json": { schema }, "application/json": { schema } };
}

function bodyOf(shape: BodyShape<unknown>): object | undefined {
  if (shape.kind === "none" || shape.kind === "raw") return undefined;
  if (shape.kind === "plain") return schemaOf(shape.schema);
  return {
    type: "object",
    required: ["data"],
    properties: {
      data: {
        type: "object",
        required: ["type"],
        properties: {
          type: { const: shape.type },
          id: { type: "string" },
          attributes: schemaOf(shape.attributes),
        },
      },
    },
  };
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
  const { properties = {} } = schemaOf(query) as { properties?: Record<string, object> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
}

function schemaOf(schema: z.ZodType): object {
  const { $schema, ...json } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return json;
}
