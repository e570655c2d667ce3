/**
 * What of a request's body decides how much it can cost at most, read once per surface. The bargain: what is not
 * understood is not assumed to be harmless; it is named as the field that has no bound.
 */

type Fields = Readonly<Record<string, unknown>>;

export type Surface =
  | "chat.completions"
  | "completions"
  | "responses"
  | "messages"
  | "generateContent"
  | "embeddings"
  | "images.generations";

export interface RequestFacts {
  /** Conversation parts that a provider wraps in tokens of its own. */
  readonly messages: number;
  /** Tool schemas, in characters of their JSON. */
  readonly toolBytes: number;
  /** Tools whose description the provider writes itself. */
  readonly builtInTools: number;
  readonly images: number;
  /** Base64 inside those images: it is no text, so it is not counted as such. */
  readonly imageBytes: number;
  readonly audio: boolean;
  /** A field through which more than the body is read; then only the context window bounds the input. */
  readonly beyondBody: string | null;
  /** Uses of the provider's own search that the caller allows. */
  readonly searches: number;
  /** Writes to a longer-lived cache are asked for. */
  readonly longCache: boolean;
  /** The output limits that the caller set, by field. */
  readonly limits: readonly (readonly [field: string, tokens: number])[];
  readonly choices: number;
  /** Output beyond the limits: predicted text that is not used is billed all the same. */
  readonly predictedBytes: number;
  /** The output may be sound, an image. */
  readonly speaks: boolean;
  readonly paints: boolean;
  /** Has no bound at all. */
  readonly unboundable: string | null;
  /** Is no such number. */
  readonly invalid: string | null;
}

/** Fields that set the output's limit, of each surface; none: it has no output that is billed by tokens. */
const LIMITS: Readonly<Record<Surface, readonly string[]>> = {
  "chat.completions": ["max_completion_tokens", "max_tokens"],
  completions: ["max_tokens"],
  responses: ["max_output_tokens"],
  messages: ["max_tokens"],
  generateContent: ["maxOutputTokens", "max_output_tokens"],
  embeddings: [],
  "images.generations": [],
};

/** Members that change the price of everything, and the values that do not. */
const PRICED_APART: Readonly<Record<string, readonly unknown[]>> = {
  service_tier: ["auto", "default", "standard", "standard_only", "flex"],
  speed: ["standard"],
  inference_geo: ["global"],
};

/** Never bounded when present and not null, false or empty. */
const UNBOUNDED = [
  ...["background", "web_search_options", "search_parameters", "mcp_servers", "container", "best_of"],
  ...["plugins", "models", "extra_body"],
];
/** The provider reads what it holds itself. */
const HELD_ELSEWHERE = [
  "previous_response_id",
  "conversation",
  "prompt_cache_id",
  "cachedContent",
  "cached_content",
];

/** Reads a parsed body. Sizes are characters of JSON, of which none becomes more tokens than it has bytes. */
export function readFacts(surface: Surface, body: Fields): RequestFacts {
  const media = mediaIn(surface, body);
  const tools = toolsIn(body);
  const generation = fieldsOf(body.generationConfig ?? body.generation_config);
  const settings = surface === "generateContent" ? generation : body;
  const limits = LIMITS[surface].flatMap((field) => {
    const value = settings[field];
    return value === undefined || value === null ? [] : [[field, value as number] as const];
  });
  const choices = settings.n ?? settings.candidateCount ?? settings.candidate_count ?? 1;
  const bad = limits.find(([, value]) => !isCount(value))?.[0];
  const modalities = listOf(settings.modalities ?? settings.responseModalities).map((one) =>
    String(one).toLowerCase(),
  );
  const held = HELD_ELSEWHERE.find((field) => isGiven(body[field]));
  const template = surface === "responses" && isGiven(body.prompt) ? "prompt" : undefined;
  return {
    ...media,
    ...tools,
    beyondBody: media.beyondBody ?? held ?? template ?? (tools.searches > 0 ? "tools" : null),
    longCache: surface === "messages" && asksForLongCache(body),
    limits,
    choices: isCount(choices) ? choices : 1,
    predictedBytes: isGiven(body.prediction) ? sizeOf(body.prediction) : 0,
    speaks: modalities.includes("audio") || isGiven(body.audio),
    paints: modalities.includes("image"),
    unboundable: unboundedField(body) ?? tools.unboundable,
    invalid: bad ?? (isCount(choices) ? null : "n"),
  };
}

function unboundedField(body: Fields): string | null {
  const found = UNBOUNDED.find((field) => isGiven(body[field]));
  if (found !== undefined) return found;
  const apart = Object.entries(PRICED_APART).find(
    ([field, plain]) => isGiven(body[field]) && !plain.includes(body[field]),
  );
  return apart?.[0] ?? null;
}

type Tools = Pick<RequestFacts, "toolBytes" | "builtInTools" | "searches" | "unboundable">;

/** Tools of the caller are text; the provider's own are searches with a limit, known helpers, or without a bound. */
function toolsIn(body: Fields): Tools {
  const tools = [...listOf(body.tools), ...listOf(body.functions)].map(fieldsOf);
  let builtInTools = 0;
  let searches = 0;
  for (const tool of tools) {
    const type = typeof tool.type === "string" ? tool.type : "function";
    if (isDeclared(tool, type)) continue;
    builtInTools++;
    // They run where the caller is: the provider only describes them.
    if (/^(bash|text_editor|computer|memory)_\d{8}$/.test(type)) continue;
    if (!/^web_search_\d{8}$/.test(type) || !isCount(tool.max_uses)) {
      return { toolBytes: 0, builtInTools, searches, unboundable: "tools" };
    }
    searches += tool.max_uses;
  }
  return { toolBytes: tools.length === 0 ? 0 : sizeOf(tools), builtInTools, searches, unboundable: null };
}

function isDeclared(tool: Fields, type: string): boolean {
  if (type !== "function" && type !== "custom") return false;
  // Gemini's tools have no type: everything but declarations runs at the provider.
  const names = Object.keys(tool);
  return names.every(
    (name) => !/^(google|code_?execution|url_?context|file_?search|computer_?use)/i.test(name),
  );
}

type Media = Pick<RequestFacts, "messages" | "images" | "imageBytes" | "audio" | "beyondBody">;

/** Looks at the places where a provider takes media, and nowhere else: elsewhere the same words are text. */
function mediaIn(surface: Surface, body: Fields): Media {
  const turns = turnsOf(surface, body);
  const found = { images: 0, imageBytes: 0, audio: false, beyondBody: null as string | null };
  let messages = 1;
  for (const turn of turns) {
    messages++;
    const parts = [turn, ...listOf(turn.content), ...listOf(turn.parts), ...listOf(turn.output)].map(
      fieldsOf,
    );
    for (const part of parts) {
      messages++;
      for (const one of [part, ...(part === turn ? [] : listOf(part.content).map(fieldsOf))])
        look(one, found);
    }
  }
  return { messages, ...found };
}

function turnsOf(surface: Surface, body: Fields): Fields[] {
  if (surface === "embeddings" || surface === "completions" || surface === "images.generations") return [];
  const turns = body.messages ?? body.input ?? body.contents;
  return (Array.isArray(turns) ? turns : [turns]).map(fieldsOf);
}

function look(part: Fields, found: { -readonly [K in Exclude<keyof Media, "messages">]: Media[K] }): void {
  const { type } = part;
  if (type === "image_url" || type === "input_image" || type === "image") {
    found.images++;
    const url = typeof part.image_url === "string" ? part.image_url : fieldsOf(part.image_url).url;
    const source = fieldsOf(part.source);
    const data = source.type === "base64" ? source.data : url;
    if (typeof data === "string") found.imageBytes += base64Length(data);
  } else if (type === "input_audio") {
    found.audio = true;
  } else if (
    ["file", "input_file", "document", "container_upload", "item_reference", "video_url"].includes(
      String(type),
    )
  ) {
    found.beyondBody = String(type);
  } else if (part.inlineData ?? part.inline_data ?? part.fileData ?? part.file_data) {
    found.beyondBody = "parts";
  }
}

/** Characters that are nothing but base64, at the end of a data URL or alone. */
function base64Length(data: string): number {
  const start = data.startsWith("data:") ? data.indexOf(",") + 1 : 0;
  if (data.startsWith("http")) return 0;
  return /^[A-Za-z0-9+/_=-]*$/.test(data.slice(start)) ? data.length - start : 0;
}

/** A longer cache may be asked for on any block, so the text is searched and a false alarm only costs a higher bound. */
function asksForLongCache(body: Fields): boolean {
  return JSON.stringify(body).includes('"ttl":"1h"');
}

function sizeOf(value: unknown): number {
  // Three bytes of UTF-8 at most for each UTF-16 unit.
  return JSON.stringify(value).length * 3;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isGiven(value: unknown): boolean {
  return (
    value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
  );
}
