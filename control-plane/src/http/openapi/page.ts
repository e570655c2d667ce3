/**
 * The reference page: the OpenAPI document as one HTML page that needs no script, no other host and no session. Its
 * content security policy allows its own style sheet, by digest, and nothing else.
 */
import { createHash } from "node:crypto";
import { refusals } from "@claviger/shared/decide/refusals";
import type { JsonSchema } from "./schema.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface Media {
  readonly schema?: JsonSchema;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, Media>> }>
  >;
}

export interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

const style = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #333); --dim: light-dark(#555, #aaa); --soft: light-dark(#f5f5f5, #1c1c1c); }
body { font: 15px/1.55 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: minmax(12rem, 17rem) minmax(0, 60rem); gap: 2rem; padding: 1.5rem; }
nav { position: sticky; top: 1.5rem; align-self: start; max-height: calc(100vh - 3rem); overflow: auto; font-size: 14px; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0.4rem 0.8rem; }
summary { cursor: pointer; }
.about, .type { color: var(--dim); }
.method { display: inline-block; min-width: 4rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid var(--line); }
ul.schema { list-style: none; margin: 0.2rem 0; padding-left: 1rem; border-left: 2px solid var(--soft); }
@media (max-width: 60rem) { body { display: block; } nav { position: static; max-height: none; } }
`;

const digest = createHash("sha256").update(style).digest("base64");

/** What goes with the page. */
export const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
} as const;

/** The page of a document. */
export function pageOf({ paths, components }: Described): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags))].sort();
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag));
    return `<section id="${slug(tag)}"><h2>${escapeHtml(tag)}</h2>\n${own.map(operationOf).join("\n")}</section>`;
  });
  const views = Object.entries(components.schemas).map(([name, schema]) => schemaSection(name, schema));
  const links = tags.map((tag) => `<li><a href="#${slug(tag)}">${escapeHtml(tag)}</a></li>`).join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Claviger API</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Contents"><ul>${links}</ul><ul><li><a href="#schemas">Schemas</a></li><li><a href="#codes">Error codes</a></li></ul></nav>
<main>
<h1>Claviger API</h1>
<p>JSON:API 1.1. For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1). Sign in with a personal access
token as <code>Authorization: Bearer clvp_…</code>. Every answer has <code>x-request-id</code>; support asks for it.</p>
${sections.join("\n")}
<section id="schemas"><h2>Schemas</h2>
${views.join("\n")}</section>
<section id="codes"><h2>Error codes</h2>
<p>Codes are stable; sentences may change. Gateways answer with the same codes, in the shape of the API that was called.</p>
${codesTable()}</section>
</main>
</body>
</html>
`;
}

function operationOf({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: Operation;
}): string {
  const { summary, description = "", parameters, requestBody, responses, operationId, security } = operation;
  const who =
    security.length === 0
      ? "Anybody."
      : security.some((each) => "operator" in each)
        ? "The operator."
        : description;
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  const answers = Object.entries(responses).map(([status, { description: about, content = {} }]) => {
    const forms = Object.entries(content).map(
      ([media, { schema }]) => `<code>${escapeHtml(media)}</code>${schema ? schemaOf(schema) : ""}`,
    );
    return `<tr><td><code>${escapeHtml(status)}</code></td><td>${escapeHtml(about)} ${forms.join("<br>")}</td></tr>`;
  });
  return `<details id="${escapeHtml(operationId)}"><summary><span class="method">${method}</span> <code>${escapeHtml(path)}</code> <span class="about">${escapeHtml(summary)}</span></summary>
<p>${escapeHtml(who)}</p>
${parameters.length === 0 ? "" : `<h3>Parameters</h3><table>${parameters.map(parameterOf).join("")}</table>`}
${body === undefined ? "" : `<h3>Body</h3>${schemaOf(body)}`}
<h3>Answers</h3><table>${answers.join("")}</table>
</details>`;
}

function parameterOf({ name, in: place, required, description = "", schema }: Parameter): string {
  const must = required ? ", needed" : "";
  return `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(place)}${must}</td><td>${escapeHtml(description)} ${schemaOf(schema)}</td></tr>`;
}

const schemaSection = (name: string, schema: JsonSchema) =>
  `<details id="schema-${slug(name)}"><summary><code>${escapeHtml(name)}</code></summary>${schemaOf(schema)}</details>`;

/** A schema as nested lists; what is named elsewhere is a link. */
function schemaOf(schema: JsonSchema): string {
  const about =
    typeof schema.description === "string"
      ? ` <span class="about">${escapeHtml(schema.description)}</span>`
      : "";
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `<a href="#schema-${slug(name)}">${escapeHtml(name)}</a>${about}`;
  }
  const parts = (schema.anyOf ?? schema.oneOf ?? schema.allOf) as readonly JsonSchema[] | undefined;
  if (parts !== undefined) return `${parts.map(schemaOf).join(' <span class="type">or</span> ')}${about}`;
  if (schema.properties !== undefined) return `${about}${membersOf(schema)}`;
  if (schema.items !== undefined)
    return `<span class="type">list of</span> ${schemaOf(schema.items as JsonSchema)}${boundsOf(schema)}${about}`;
  return `<span class="type">${escapeHtml(typeOf(schema))}</span>${boundsOf(schema)}${about}`;
}

function membersOf({ properties, required }: JsonSchema): string {
  const needed = (required ?? []) as readonly string[];
  const members = Object.entries(properties as Record<string, JsonSchema>).map(
    ([name, each]) =>
      `<li><code>${escapeHtml(name)}</code>${needed.includes(name) ? "" : ' <span class="type">(optional)</span>'} ${schemaOf(each)}</li>`,
  );
  return `<ul class="schema">${members.join("")}</ul>`;
}

function typeOf({ type, const: only, enum: some, format }: JsonSchema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(some))
    return some.length > 30
      ? "one of the error codes below"
      : some.map((each) => JSON.stringify(each)).join(" | ");
  const name = Array.isArray(type) ? type.join(" or ") : String(type ?? "any JSON");
  return format === undefined ? name : `${name} (${format})`;
}

function boundsOf(schema: JsonSchema): string {
  const words = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"].flatMap(
    (name) =>
      // The range of a safe integer says nothing.
      schema[name] === undefined || Math.abs(Number(schema[name])) === Number.MAX_SAFE_INTEGER
        ? []
        : [`${name} ${schema[name]}`],
  );
  return words.length === 0 ? "" : ` <span class="type">(${escapeHtml(words.join(", "))})</span>`;
}

function codesTable(): string {
  const rows = Object.entries(refusals).map(
    ([code, { status, type, message }]) =>
      `<tr id="code-${code}"><td><code>${code}</code></td><td>${status}</td><td>${type}</td><td>${escapeHtml(message)}</td></tr>`,
  );
  return `<table><thead><tr><th>Code</th><th>Status</th><th>Type</th><th>What it says</th></tr></thead><tbody>${rows.join("\n")}</tbody></table>`;
}

const slug = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
