/** The few words of JSON Schema that an instance is built from. */
interface SchemaLike {
  readonly type?: unknown;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly properties?: unknown;
  readonly required?: unknown;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A small value that satisfies a plain JSON Schema (types, properties, required, enum, const); null for anything else. */
export function smallestInstance(schema: unknown): unknown {
  if (!isObject(schema)) return null;
  const { type, properties, required, const: constant, enum: options }: SchemaLike = schema;
  if (constant !== undefined) return constant;
  if (Array.isArray(options) && options.length > 0) return options[0];
  switch (Array.isArray(type) ? type[0] : type) {
    case "object":
    case "OBJECT": {
      const members = isObject(properties) ? properties : {};
      const names = Array.isArray(required)
        ? required.filter((name) => typeof name === "string")
        : Object.keys(members);
      return Object.fromEntries(names.map((name) => [name, smallestInstance(members[name])]));
    }
    case "string":
    case "STRING":
      return "sandbox";
    case "integer":
    case "INTEGER":
    case "number":
    case "NUMBER":
      return 1;
    case "boolean":
    case "BOOLEAN":
      return true;
    case "array":
    case "ARRAY":
      return [];
    default:
      return null;
  }
}
