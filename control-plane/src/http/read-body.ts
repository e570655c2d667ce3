/** From bytes to what a route's schema makes of them. Strict: what could be read in two ways is refused. */
import { ApiProblem, problem } from "@claviger/shared/api/problem";
import { scanJson } from "@claviger/shared/decide/scan-json";
import type * as z from "zod";
import { bodyFindings, escapeToken } from "./findings.ts";
import type { BodyShape } from "./route.ts";

export const BODY_BYTES_MAX = 1_048_576;

export interface ReadBody {
  /** What the schema produced. */
  readonly value: unknown;
  /** The exact bytes, for the idempotent request hash. */
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array();

/** Reads the body that the route declares; `id` is the URL's, which a body may repeat but not contradict. */
export async function readBody(
  request: Request,
  shape: BodyShape<unknown>,
  id: string | undefined,
): Promise<ReadBody> {
  if (shape.kind === "raw") return { value: undefined, bytes: NOTHING };
  const bytes = await readBytes(request);
  if (shape.kind === "none") {
    if (bytes.length > 0) throw bodyProblem("unknown_parameter", "This request takes no body.", "");
    return { value: undefined, bytes };
  }
  if (bytes.length === 0 && shape.kind === "plain") return { value: parse(shape.schema, {}, ""), bytes };
  const json = readJson(request, bytes);
  if (shape.kind === "plain") return { value: parse(shape.schema, json, ""), bytes };
  return { value: parse(shape.attributes, attributesOf(json, shape.type, id), "/data/attributes"), bytes };
}

/** The whole body, up to the limit; throws `request_too_large`. */
export async function readBytes(request: Request): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > BODY_BYTES_MAX) throw problem("request_too_large");
  if (request.body === null) return NOTHING;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body) {
      length += chunk.length;
      if (length > BODY_BYTES_MAX) throw problem("request_too_large");
      chunks.push(chunk);
    }
  } catch (error) {
    // The sender has left or took too long: the connection is gone, and nothing of ours is broken.
    throw error instanceof ApiProblem ? error : problem("request_timeout");
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** What a schema makes of a JSON body that a route of kind `raw` has read itself. */
export function readRaw(request: Request, bytes: Uint8Array, schema: z.ZodType): unknown {
  return parse(schema, readJson(request, bytes), "");
}

function readJson(request: Request, bytes: Uint8Array): object {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") throw problem("unsupported_encoding");
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (!["application/json", "application/vnd.api+json"].includes(type.trim().toLowerCase())) {
    throw problem(
      "unsupported_media_type",
      "The request body must be JSON: send `Content-Type: application/vnd.api+json`.",
    );
  }
  if (scanJson(bytes, new Set()).kind !== "object") throw problem("invalid_json");
  const json = JSON.parse(new TextDecoder().decode(bytes)) as object;
  refuseNul(json, "", 0);
  return json;
}

/** U+0000 is JSON and yet no text that a database keeps. Attributes are named as a whole, like everywhere. */
function refuseNul(value: unknown, pointer: string, depth: number): void {
  if (typeof value === "string" && value.includes("\0")) {
    throw bodyProblem("invalid_value", "A text holds the character U+0000.", pointer);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const at = depth < 3 && !Array.isArray(value) ? `${pointer}/${escapeToken(name)}` : pointer;
    if (name.includes("\0"))
      throw bodyProblem("invalid_value", "A name holds the character U+0000.", pointer);
    refuseNul(member, at, depth + 1);
  }
}

function attributesOf(json: object, type: string, id: string | undefined): object {
  const data = onlyMembers(json, ["data"], "").data;
  if (data === undefined) throw bodyProblem("missing_required_parameter", "data is needed.", "/data");
  if (!isObject(data)) throw bodyProblem("invalid_value", "data must be an object.", "/data");
  const members = onlyMembers(data, ["type", "id", "attributes"], "/data");
  if (members.type === undefined) {
    throw bodyProblem("missing_required_parameter", "data.type is needed.", "/data/type");
  }
  if (members.type !== type) {
    throw bodyProblem("type_conflict", `This address takes resources of type ${type}.`, "/data/type");
  }
  if (members.id !== undefined && members.id !== id) {
    throw bodyProblem("type_conflict", "data.id is not that of this address.", "/data/id");
  }
  const attributes = members.attributes ?? {};
  if (isObject(attributes)) return attributes;
  throw bodyProblem("invalid_value", "data.attributes must be an object.", "/data/attributes");
}

function onlyMembers(value: object, allowed: readonly string[], at: string): Record<string, unknown> {
  for (const name of Object.keys(value)) {
    if (allowed.includes(name)) continue;
    throw bodyProblem("unknown_parameter", `${name} is not known here.`, `${at}/${escapeToken(name)}`);
  }
  return value as Record<string, unknown>;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(
  schema: { safeParse(value: unknown, options: object): SafeParsed },
  value: unknown,
  prefix: string,
): unknown {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new ApiProblem(bodyFindings(parsed.error.issues, prefix));
}

type SafeParsed =
  | { success: true; data: unknown }
  | { success: false; error: { issues: Parameters<typeof bodyFindings>[0] } };

function bodyProblem(
  code: "unknown_parameter" | "missing_required_parameter" | "invalid_value" | "type_conflict",
  detail: string,
  pointer: string,
): ApiProblem {
  return new ApiProblem([{ code, detail, pointer }]);
}
