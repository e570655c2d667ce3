/** JSON Schema out of zod, as OpenAPI 3.1 takes it (JSON Schema 2020-12). */
import * as z from "zod";

export type JsonSchema = { readonly [name: string]: unknown };

/** What is accepted: `io: "input"`. */
export function inputSchemaOf(schema: z.ZodType): JsonSchema {
  return convert(schema, "input");
}

/** What is answered: `io: "output"`. */
export function outputSchemaOf(schema: z.ZodType): JsonSchema {
  return convert(schema, "output");
}

function convert(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const {
    $schema: _version,
    $defs: _definitions,
    ...json
  } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return withoutDefinitions(json) as JsonSchema;
}

/** The only schema of ours that needs itself is "any JSON", which JSON Schema says with `{}`. */
function withoutDefinitions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefinitions);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  if (entries.some(([name, to]) => name === "$ref" && String(to).startsWith("#/$defs/"))) return {};
  return Object.fromEntries(entries.map(([name, each]) => [name, withoutDefinitions(each)]));
}

export const nullable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: "null" }] });
export const refTo = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

/** All members are there unless they are named as optional. */
export function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required };
}
