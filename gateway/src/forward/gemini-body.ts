/**
 * Gemini's requests name the model in the path, and some say it again inside the body. The path decides; a body that
 * names another model is refused, because the provider might believe the body.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { listJson, scanJson } from "@claviger/shared/decide/scan-json";
import { type ModelPlace, type RequestBody, readRequestBody } from "./body.ts";

const MODEL = new Set(["model"]);
const HOLDERS = new Set(["model", "requests", "generateContentRequest", "generate_content_request"]);
/** What the query may say of an answer's form; every other parameter is dropped, credentials among them. */
const FORMS = new Set(["json", "sse"]);

/** `asked` is the model of the path; undefined when the path names none. */
export function readGeminiBody(bytes: Uint8Array, asked: string | undefined): RequestBody | Refusal {
  const body = readRequestBody(bytes);
  if ("code" in body) return body;
  const places: ModelPlace[] = [];
  for (const [start, end] of holders(bytes)) {
    const scan = scanJson(bytes.subarray(start, end), MODEL);
    const member = scan.kind === "object" ? scan.members.get("model") : undefined;
    if (member === undefined) continue;
    if (member.value !== asked && member.value !== `models/${asked}`) {
      return refuse("invalid_value", { param: "model" });
    }
    places.push({ start: start + member.start, end: start + member.end, as: "resource" });
  }
  return { ...body, model: asked, modelAt: places, stream: false };
}

/** Where objects stand that may name a model: the body, each of several requests, the request that is to be counted. */
function holders(bytes: Uint8Array): (readonly [start: number, end: number])[] {
  const found: (readonly [number, number])[] = [[0, bytes.length]];
  const scan = scanJson(bytes, HOLDERS);
  if (scan.kind !== "object") return found;
  for (const [name, { start, end }] of scan.members) {
    if (name === "model") continue;
    if (bytes[start] === 0x7b) found.push([start, end]);
    else for (const [from, to] of listJson(bytes, start)) found.push([from, to]);
  }
  return found;
}

/** The form that the query asks for, `json` when it does not say; undefined when nobody gives it. */
export function formOf(target: string): "json" | "sse" | undefined {
  const query = target.indexOf("?");
  const forms = query < 0 ? [] : new URLSearchParams(target.slice(query)).getAll("alt");
  const [form = "json"] = forms;
  return forms.length <= 1 && FORMS.has(form) ? (form as "json" | "sse") : undefined;
}
