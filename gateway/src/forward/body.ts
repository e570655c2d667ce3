/**
 * The request body: read once for what decides, never written anew. What has to change (the model's name, the wish for
 * usage) is spliced into the bytes, all others pass as they came.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { type Member, scanJson } from "@claviger/shared/decide/scan-json";
import { type Edit, limitEdit, type OutputLimit } from "./limit-words.ts";

export interface RequestBody {
  readonly bytes: Uint8Array;
  /** Of them, those that may be words: what an estimate of tokens is made of. */
  readonly textBytes: number;
  /** As it stood: undefined when absent, an object for anything that is no scalar. */
  readonly model: unknown;
  readonly modelAt: readonly ModelPlace[];
  readonly stream: boolean;
  readonly members: ReadonlyMap<string, Member>;
  readonly insertAt: number;
}

/** Where the model's name stands in the bytes, and how it is spelled there: JSON text, a resource's name, or bare. */
export interface ModelPlace {
  readonly start: number;
  readonly end: number;
  readonly as: "json" | "resource" | "bare";
}

const WANTED = new Set([
  "model",
  "stream",
  "stream_options",
  "n",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "base_url",
  "api_base",
  "api_key",
]);
/** How long an answer may be, in the words of OpenAI's and Anthropic's surfaces. */
export const OUTPUT_LIMITS = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;
const COUNTS = ["n", ...OUTPUT_LIMITS];
/** Members that would tell a provider's library to go somewhere else, or as somebody else. */
const FORBIDDEN = ["base_url", "api_base", "api_key"];

const NOWHERE: readonly ModelPlace[] = [];

/** Reads a body for deciding, or says why it cannot be read in exactly one way. */
export function readRequestBody(bytes: Uint8Array): RequestBody | Refusal {
  const scan = scanJson(bytes, WANTED);
  if (scan.kind === "invalid") return refuse("invalid_json");
  const { members, insertAt } = scan;
  for (const param of FORBIDDEN) if (members.has(param)) return refuse("unknown_parameter", { param });
  for (const param of COUNTS) {
    const member = members.get(param);
    if (member !== undefined && !isCount(member.value)) return refuse("invalid_value", { param });
  }
  const stream = members.get("stream")?.value;
  if (members.has("stream") && typeof stream !== "boolean" && stream !== null) {
    return refuse("invalid_type", { param: "stream" });
  }
  const model = members.get("model");
  return {
    bytes,
    textBytes: bytes.length,
    model: model === undefined ? undefined : (model.value ?? {}),
    modelAt: model === undefined ? NOWHERE : [{ start: model.start, end: model.end, as: "json" }],
    stream: stream === true,
    members,
    insertAt,
  };
}

function isCount(value: Member["value"]): boolean {
  return value === null || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0);
}

export interface UpstreamWords {
  /** In order; together they are the body. None of them is empty. */
  readonly parts: readonly Uint8Array[];
  /** The caller did not ask for the extra usage event that the stream will have. */
  readonly strip: boolean;
}

/**
 * The body for the provider: its own name of the model, usage asked for in a stream that would not tell it, and an output
 * limit where a budget needs one.
 */
export function withUpstreamWords(
  body: RequestBody,
  asked: string,
  model: string,
  usageOnRequest: boolean,
  limit: OutputLimit | null = null,
): UpstreamWords {
  const edits: Edit[] = [];
  if (asked !== model) {
    for (const { start, end, as } of body.modelAt) edits.push({ start, end, text: SPELLINGS[as](model) });
  }
  const usage = body.stream && usageOnRequest ? usageEdit(body) : undefined;
  if (usage !== undefined) edits.push(usage);
  if (limit !== null) edits.push(limitEdit(body.bytes, limit));
  return { parts: splice(body.bytes, edits), strip: usage !== undefined };
}

const SPELLINGS: Readonly<Record<ModelPlace["as"], (model: string) => string>> = {
  json: (model) => JSON.stringify(model),
  resource: (model) => JSON.stringify(`models/${model}`),
  bare: (model) => model,
};

const INCLUDE_USAGE = new Set(["include_usage"]);

/** Undefined when the caller asks for the usage itself. */
function usageEdit(body: RequestBody): Edit | undefined {
  const options = body.members.get("stream_options");
  if (options === undefined) {
    return { start: body.insertAt, end: body.insertAt, text: '"stream_options":{"include_usage":true},' };
  }
  const scan = scanJson(body.bytes.subarray(options.start, options.end), INCLUDE_USAGE);
  if (scan.kind === "invalid")
    return { start: options.start, end: options.end, text: '{"include_usage":true}' };
  const flag = scan.members.get("include_usage");
  if (flag?.value === true) return undefined;
  if (flag !== undefined)
    return { start: options.start + flag.start, end: options.start + flag.end, text: "true" };
  const at = options.start + scan.insertAt;
  return { start: at, end: at, text: scan.empty ? '"include_usage":true' : '"include_usage":true,' };
}

const encoder = new TextEncoder();

/** The bytes with some ranges replaced, without a copy of what stays; ranges do not overlap. */
function splice(bytes: Uint8Array, edits: Edit[]): Uint8Array[] {
  edits.sort((a, b) => a.start - b.start);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, text } of edits) {
    if (start > from) parts.push(bytes.subarray(from, start));
    parts.push(encoder.encode(text));
    from = end;
  }
  if (from < bytes.length) parts.push(from === 0 ? bytes : bytes.subarray(from));
  return parts;
}
