/**
 * Holds an answer against the OpenAPI document that the process itself serves: status, content type, and every member of
 * its body. Stricter than the document is for strangers, who have to bear additions: here what is not described is wrong.
 */

import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openApiOf } from "../openapi/document.ts";
import { routes } from "../route-table.ts";

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >;
}

const document = closed(openApiOf(routes)) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema({ $id: "openapi", ...document });
const compiled = new Map<string, ValidateFunction>();
const patterns = Object.keys(document.paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`),
}));

/** Which operations were answered so far, as `GET /api/v1/x 200`. */
export const seen = new Set<string>();

/** Throws when the answer is not as the document says; addresses that it does not know are somebody else's. */
export function checkAnswer(
  method: string,
  url: string,
  status: number,
  type: string | null,
  text: string,
): void {
  const pathname = new URL(url, "http://unknown").pathname;
  const exact =
    patterns.find(({ path }) => path === pathname) ?? patterns.find(({ pattern }) => pattern.test(pathname));
  const operation = exact && document.paths[exact.path]?.[method.toLowerCase()];
  if (exact === undefined || operation === undefined) return;
  const name = `${method} ${exact.path} ${status}`;
  const said = operation.responses[String(status)] ?? operation.responses.default;
  if (status < 400 && operation.responses[String(status)] === undefined)
    throw new Error(`${name} is not in the OpenAPI document`);
  if (said?.content === undefined && text === "") return;
  const media = (type ?? "").split(";")[0] ?? "";
  const content = said?.content?.[media];
  if (content === undefined) throw new Error(`${name}: the OpenAPI document does not know ${media} there`);
  seen.add(name);
  if (!media.endsWith("json") || content.schema === undefined) return;
  const validate = compiled.get(`${name} ${media}`) ?? ajv.compile(pointed(content.schema) as object);
  compiled.set(`${name} ${media}`, validate);
  if (validate(JSON.parse(text))) return;
  const [first] = validate.errors ?? [];
  const what = `${first?.instancePath} ${first?.message} ${JSON.stringify(first?.params)}`;
  throw new Error(`${name}: ${what} in ${text.slice(0, 2_000)}\n${AGAIN}`);
}

const AGAIN =
  "Where a view has changed: node_modules/.bin/node infra/openapi/make.ts, and commit what it writes.";

/** `#/components/…` is said from anywhere. */
function pointed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/components/', '"openapi#/components/'));
}

/** Objects with members have no others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => [name, closed(each)] as const);
  const object = Object.fromEntries(entries) as Record<string, unknown>;
  const isObject =
    object.type === "object" && typeof object.properties === "object" && !("additionalProperties" in object);
  return isObject ? { ...object, additionalProperties: false } : object;
}
