/**
 * From the interfaces that answers are typed by to JSON Schema, so that the API's description cannot say anything else
 * than the code does. Comments become descriptions. What is not understood stops the run.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { parseSync } from "oxc-parser";
import * as z from "zod";

export type JsonSchema = { [name: string]: unknown };
type Node = { type: string; start: number; end: number } & { [name: string]: unknown };

interface Module {
  readonly path: string;
  readonly text: string;
  readonly comments: readonly { start: number; end: number; value: string }[];
  readonly declared: ReadonlyMap<string, Node>;
  /** By local name: the file, and the name there. */
  readonly imported: ReadonlyMap<string, { path: string; name: string }>;
}

/** Reads named types; everything that they name in turn becomes a schema of its own. */
export class TypeReader {
  readonly schemas = new Map<string, JsonSchema>();
  readonly #root: string;
  readonly #modules = new Map<string, Module>();
  readonly #values = new Map<string, Record<string, unknown>>();
  readonly #waiting: Promise<void>[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /** Adds a type of a file and whatever it needs. */
  async add(path: string, name: string): Promise<void> {
    await this.#loadValues(join(this.#root, path));
    this.#reference(this.#module(join(this.#root, path)), name);
    while (this.#waiting.length > 0) await this.#waiting.pop();
  }

  async #loadValues(path: string): Promise<void> {
    if (this.#values.has(path)) return;
    this.#values.set(path, (await import(pathToFileURL(path).href)) as Record<string, unknown>);
    for (const { path: next } of this.#module(path).imported.values()) await this.#loadValues(next);
  }

  #module(path: string): Module {
    const known = this.#modules.get(path);
    if (known !== undefined) return known;
    const text = readFileSync(path, "utf8");
    const { program, comments, errors } = parseSync(path, text);
    if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
    const declared = new Map<string, Node>();
    const imported = new Map<string, { path: string; name: string }>();
    for (const statement of program.body as unknown as Node[]) {
      const node = (statement.declaration as Node | null | undefined) ?? statement;
      if (node.type === "TSInterfaceDeclaration" || node.type === "TSTypeAliasDeclaration") {
        declared.set((node.id as { name: string }).name, node);
      }
      if (statement.type === "ImportDeclaration") {
        const from = (statement.source as { value: string }).value;
        if (!from.startsWith(".")) continue;
        for (const each of statement.specifiers as {
          local: { name: string };
          imported?: { name: string };
        }[]) {
          imported.set(each.local.name, { path: join(dirname(path), from), name: each.imported?.name ?? "" });
        }
      }
    }
    const module = { path, text, comments, declared, imported };
    this.#modules.set(path, module);
    return module;
  }

  /** `$ref` to a named type, which is read when it is met first. */
  #reference(module: Module, name: string): JsonSchema {
    const there = module.imported.get(name);
    if (there !== undefined) return this.#reference(this.#module(there.path), there.name);
    const node = module.declared.get(name);
    if (node === undefined) throw new Error(`${this.#at(module)}: what is ${name}?`);
    if (node.type === "TSTypeAliasDeclaration") return this.#type(module, node.typeAnnotation as Node);
    if (!this.schemas.has(name)) {
      this.schemas.set(name, {});
      this.schemas.set(name, { ...this.#interface(module, node), ...describe(module, node) });
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #interface(module: Module, node: Node): JsonSchema {
    const own = this.#members(module, (node.body as { body: Node[] }).body);
    const parents = ((node.extends ?? []) as { expression: { name: string } }[]).map(({ expression }) => {
      const { $ref } = this.#reference(module, expression.name);
      return this.schemas.get(String($ref).split("/").at(-1) ?? "") ?? {};
    });
    return merge([...parents, own]);
  }

  #members(module: Module, members: readonly Node[]): JsonSchema {
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    for (const member of members) {
      if (member.type !== "TSPropertySignature") throw new Error(`${this.#at(module)}: ${member.type}`);
      const name =
        (member.key as { name?: string; value?: string }).name ??
        String((member.key as { value?: string }).value);
      const annotation = (member.typeAnnotation as { typeAnnotation: Node }).typeAnnotation;
      properties[name] = { ...this.#type(module, annotation), ...describe(module, member) };
      if (member.optional !== true) required.push(name);
    }
    return { type: "object", properties, required };
  }

  #type(module: Module, node: Node): JsonSchema {
    const inner = () => this.#type(module, node.typeAnnotation as Node);
    switch (node.type) {
      case "TSStringKeyword":
      case "TSTemplateLiteralType":
        return { type: "string" };
      case "TSNumberKeyword":
        return { type: "number" };
      case "TSBooleanKeyword":
        return { type: "boolean" };
      case "TSNullKeyword":
        return { type: "null" };
      case "TSUnknownKeyword":
      case "TSObjectKeyword":
        return {};
      case "TSLiteralType":
        return { const: (node.literal as { value: unknown }).value };
      case "TSTypeOperator":
      case "TSParenthesizedType":
        return inner();
      case "TSArrayType":
        return { type: "array", items: this.#type(module, node.elementType as Node) };
      case "TSTypeLiteral":
        return this.#members(module, node.members as Node[]);
      case "TSUnionType":
        return union((node.types as Node[]).map((each) => this.#type(module, each)));
      case "TSIntersectionType":
        return merge((node.types as Node[]).map((each) => this.#resolved(this.#type(module, each))));
      case "TSIndexedAccessType":
        return this.#indexed(module, node);
      case "TSTypeReference":
        return this.#named(module, node);
      default:
        throw new Error(
          `${this.#at(module)}: ${node.type} is not understood: ${module.text.slice(node.start, node.end)}`,
        );
    }
  }

  #resolved(schema: JsonSchema): JsonSchema {
    return typeof schema.$ref === "string"
      ? (this.schemas.get(schema.$ref.split("/").at(-1) ?? "") ?? {})
      : schema;
  }

  /** `(typeof LIST)[number]` and `View["member"]`. */
  #indexed(module: Module, node: Node): JsonSchema {
    const object = node.objectType as Node;
    const bare = object.type === "TSParenthesizedType" ? (object.typeAnnotation as Node) : object;
    if (bare.type === "TSTypeQuery") {
      const list = this.#value(module, (bare.exprName as { name: string }).name);
      return { enum: [...(list as readonly unknown[])] };
    }
    const member = ((node.indexType as Node).literal as { value: string }).value;
    const { properties = {} } = this.#resolved(this.#type(module, bare)) as {
      properties?: Record<string, JsonSchema>;
    };
    return properties[member] ?? {};
  }

  #named(module: Module, node: Node): JsonSchema {
    const text = module.text.slice(node.start, node.end);
    const parameters = ((node.typeArguments as { params: Node[] } | null)?.params ?? []) as Node[];
    const [first, second] = parameters;
    if (text.startsWith("z.infer<") && first !== undefined) {
      return fromZod(this.#value(module, (first.exprName as { name: string }).name));
    }
    const name = (node.typeName as { name?: string }).name ?? "";
    if (name === "Readonly" && first !== undefined) return this.#type(module, first);
    if (name === "Record" && second !== undefined) {
      const values = this.#type(module, second);
      return { type: "object", additionalProperties: Object.keys(values).length === 0 ? true : values };
    }
    return this.#reference(module, name);
  }

  #value(module: Module, name: string): unknown {
    const there = module.imported.get(name);
    if (there !== undefined) return this.#value(this.#module(there.path), there.name);
    return this.#values.get(module.path)?.[name];
  }

  #at(module: Module): string {
    return relative(this.#root, module.path);
  }
}

function fromZod(value: unknown): JsonSchema {
  const { $schema: _version, ...schema } = z.toJSONSchema(value as z.ZodType, {
    io: "output",
    unrepresentable: "any",
  });
  return schema as JsonSchema;
}

/** Literals of one kind are an enum; null beside a plain type is a list of types (JSON Schema 2020-12). */
function union(parts: readonly JsonSchema[]): JsonSchema {
  const flat = parts.flatMap((part) =>
    Array.isArray(part.anyOf) && Object.keys(part).length === 1 ? (part.anyOf as JsonSchema[]) : [part],
  );
  const literals = flat.flatMap((part) =>
    "const" in part ? [part.const] : Array.isArray(part.enum) ? part.enum : [],
  );
  const others = flat.filter((part) => !("const" in part) && !Array.isArray(part.enum));
  const isNull = (part: JsonSchema) => part.type === "null" && Object.keys(part).length === 1;
  const rest = others.filter((part) => !isNull(part));
  const nullable = rest.length < others.length;
  if (literals.length > 0 && rest.length === 0) return { enum: nullable ? [...literals, null] : literals };
  const [only] = rest;
  if (nullable && rest.length === 1 && literals.length === 0 && typeof only?.type === "string") {
    return { ...only, type: [only.type, "null"] };
  }
  const all = [
    ...rest,
    ...(literals.length > 0 ? [{ enum: literals }] : []),
    ...(nullable ? [{ type: "null" }] : []),
  ];
  return all.length === 1 ? (all[0] ?? {}) : { anyOf: all };
}

function merge(parts: readonly JsonSchema[]): JsonSchema {
  const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {})) as Record<
    string,
    JsonSchema
  >;
  const required = [...new Set(parts.flatMap((part) => (part.required as string[] | undefined) ?? []))];
  return { type: "object", properties, required };
}

/** The comment that stands directly before a node. */
function describe({ text, comments }: Module, node: Node): JsonSchema {
  const before = comments.findLast(({ end }) => end <= node.start);
  if (before === undefined || !before.value.startsWith("*")) return {};
  if (!/^\s*(export\s*)?$/.test(text.slice(before.end, node.start))) return {};
  const words = before.value
    .split("\n")
    .map((line) => line.replace(/^\s*\*+ ?/, "").trim())
    .join(" ")
    .trim();
  return { description: words };
}
