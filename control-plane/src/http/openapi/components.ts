/** The schemas that answers are made of: views by noun, the envelope, and problems. */
import { refusals } from "@claviger/shared/decide/refusals";
import { AuditRow, LogRow } from "@claviger/shared/wire/query";
import { type JsonSchema, nullable, objectOf, outputSchemaOf, refTo } from "./schema.ts";
import views from "./views.json" with { type: "json" };

const text: JsonSchema = { type: "string" };
const instant: JsonSchema = { type: "string", format: "date-time" };
const count: JsonSchema = { type: "integer", minimum: 0 };
const list = (items: JsonSchema): JsonSchema => ({ type: "array", items });

/** Nouns that are put together from what gateways answer, beside those with a view. */
const asked = { "log-entry": "LogEntryView", "audit-entry": "AuditEntryView" } as const;

/** Noun → the schema of its attributes. */
export const nouns: Readonly<Record<string, string>> = { ...views.nouns, ...asked };

/** `api-key` → `ApiKeyResource`: the resource object of a noun. */
export const resourceName = (noun: string): string =>
  `${noun.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase())}Resource`;

/** Where a row of a gateway's log came from. */
const place = { at: instant, gateway: text, gatewayId: text, replica: text };

function logEntry(): JsonSchema {
  const { properties, required } = propertiesOf(LogRow);
  const { atMs: _at, cost: _cost, ...row } = properties;
  const own = { ...row, ...place, tokens: nullable(openObject), costUsd: { type: ["string", "null"] } };
  return {
    type: "object",
    properties: own,
    required: [...required.filter((name) => name !== "atMs"), ...Object.keys(place), "costUsd"],
  };
}

const openObject: JsonSchema = { type: "object", additionalProperties: true };

/** The members that every entry has; those of its kind stand beside them. */
function auditEntry(): JsonSchema {
  const { properties } = propertiesOf(AuditRow);
  const { atMs: _at, entry, ...row } = properties;
  const common = { ...row, ...place };
  const { oneOf = [], anyOf = [] } = entry as { oneOf?: JsonSchema[]; anyOf?: JsonSchema[] };
  const kinds = [...oneOf, ...anyOf].map((kind) => {
    const { properties: own = {}, required = [] } = kind as {
      properties?: Record<string, JsonSchema>;
      required?: string[];
    };
    return {
      type: "object",
      properties: { ...common, ...own },
      required: [...Object.keys(common), ...required],
    };
  });
  return { oneOf: kinds };
}

function propertiesOf(schema: Parameters<typeof outputSchemaOf>[0]) {
  const { properties = {}, required = [] } = outputSchemaOf(schema) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return { properties, required };
}

const problem = objectOf(
  {
    errors: list(
      objectOf(
        {
          id: { ...text, description: "The request's id, also in x-request-id" },
          status: { ...text, description: "The HTTP status" },
          code: { enum: Object.keys(refusals), description: "Stable; docs/api/errors.md explains each" },
          title: text,
          detail: text,
          source: objectOf({ pointer: text, parameter: text, header: text }, [
            "pointer",
            "parameter",
            "header",
          ]),
        },
        ["source"],
      ),
    ),
    data: { description: "With edit_conflict: the present resource" },
    meta: { type: "object", additionalProperties: true },
  },
  ["data", "meta"],
);

/** What `meta` may hold. */
const meta: JsonSchema = {
  type: "object",
  properties: {
    operation: {
      anyOf: [refTo("OperationView"), { type: "null" }],
      description: "How far the change is; null: no gateway needed to be told",
    },
    revision: { ...text, description: "For If-Match" },
    secretKey: { ...text, description: "Shown once" },
    secretShown: {
      type: "boolean",
      description: "A replay of an Idempotency-Key: the secret was in the first answer",
    },
    total: { ...count, description: "How many match" },
    answered: { ...list(text), description: "Gateways whose rows are in the list" },
    missing: { ...list(text), description: "Gateways that did not answer" },
    test: refTo("LlmApiKeyTestView"),
    impact: { anyOf: [refTo("LlmApiKeyImpactView"), refTo("McpServerImpactView")] },
    discovery: refTo("McpDiscoveryView"),
  },
  additionalProperties: true,
};

/** `components.schemas`. */
export function componentSchemas(): Record<string, JsonSchema> {
  const resources = Object.entries(nouns).map(([noun, view]) => [
    resourceName(noun),
    objectOf({ type: { const: noun }, id: text, attributes: refTo(view) }),
  ]);
  return {
    ...(views.schemas as Record<string, JsonSchema>),
    LogEntryView: logEntry(),
    AuditEntryView: auditEntry(),
    ...(Object.fromEntries(resources) as Record<string, JsonSchema>),
    Meta: meta,
    Problem: problem,
    GatewayProblem: objectOf({
      error: objectOf({ message: text, type: text, param: { type: ["string", "null"] }, code: text }),
    }),
    OauthProblem: objectOf({ error: text, error_description: text }, ["error_description"]),
  };
}
