/** One row per provider: what it speaks natively, where, how it is authenticated, whether leaving stops its meter. */
import type { Dialect, Surface } from "./surfaces.ts";

/** Address of each native surface below the host; `{model}` stands for the provider's own name of the model, `{version}` for that of the API. */
export type Paths = Readonly<Partial<Record<Surface, string>>>;

export interface ProviderRow {
  readonly paths: Paths;
  /**
   * Endings that an LLM key's base URL may have already, the longest first, each with the addresses that count below it
   * when those are others: `https://api.openai.com` and `https://api.openai.com/v1` mean the same.
   */
  readonly endings: readonly { readonly ending: string; readonly paths?: Paths }[];
  /** Other headers than `Authorization: Bearer`, by whose dialect is spoken. */
  readonly credential: Readonly<Partial<Record<Dialect, "x-api-key" | "x-goog-api-key" | "api-key">>>;
  /** Gets the trace's context (W3C `traceparent`): of one's own, or one that is known to go on with it. */
  readonly takesTrace?: true;
  /** Serves without a credential too. */
  readonly mayBeOpen?: true;
  /** False: the provider bills what it would have generated, so an abandoned call is read on for its usage. */
  readonly abortStopsBilling: boolean;
  /** The provider refuses `stream_options`; its streams carry usage unasked or not at all. */
  readonly noStreamOptions?: true;
  /**
   * Whoever asks for the usage of a stream gets `"usage":null` in every other event (OpenAI's API reference,
   * `stream_options`), which nobody gets who does not ask. Of the others it is not known that asking makes the difference.
   */
  readonly nullUsageWhenAsked?: true;
  /**
   * Refusals of ours (401 and up) that this provider also sends because of what the request says: no other LLM key would
   * fare better, and none is to blame.
   */
  readonly statusesOfRequest?: readonly number[];
}

const OPENAI = {
  "chat.completions": "/chat/completions",
  completions: "/completions",
  responses: "/responses",
  embeddings: "/embeddings",
  "images.generations": "/images/generations",
  "images.edits": "/images/edits",
  "images.variations": "/images/variations",
  "audio.transcriptions": "/audio/transcriptions",
  "audio.translations": "/audio/translations",
  "audio.speech": "/audio/speech",
  moderations: "/moderations",
} as const;

type OpenaiSurface = keyof typeof OPENAI;
const everyOpenai = Object.keys(OPENAI) as OpenaiSurface[];

const ANTHROPIC = { messages: "/messages", "messages.count_tokens": "/messages/count_tokens" } as const;

const gemini = Object.fromEntries(
  ["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents", "countTokens"].map(
    (method) => [method, `/{version}/models/{model}:${method}`],
  ),
) as Paths;

function below(prefix: string, paths: Paths): Paths {
  return Object.fromEntries(Object.entries(paths).map(([surface, path]) => [surface, prefix + path]));
}

function openaiPaths(prefix: string, surfaces: readonly OpenaiSurface[]): Paths {
  return below(prefix, Object.fromEntries(surfaces.map((surface) => [surface, OPENAI[surface]])));
}

const openaiCompatible = (
  prefix: string,
  surfaces: readonly OpenaiSurface[],
  details: Partial<ProviderRow> = {},
): ProviderRow => ({
  paths: openaiPaths(prefix, surfaces),
  endings: [{ ending: prefix }],
  credential: {},
  abortStopsBilling: true,
  ...details,
});

/** Of these it is known that they go on for nobody (openrouter.ai/docs/api-reference/streaming, "Stream Cancellation"). */
const billsAbandoned = { abortStopsBilling: false };
const asOpenai = { nullUsageWhenAsked: true } as const;

/** The last version of Azure OpenAI's data plane that is generally available. */
const AZURE_VERSION = "2024-10-21";
const azureSurfaces: readonly OpenaiSurface[] = [
  ...(["chat.completions", "completions", "embeddings", "images.generations"] as const),
  ...(["audio.transcriptions", "audio.translations", "audio.speech"] as const),
];

/** The deployment is named like the model. A base URL that ends with `/openai/v1` takes the API without versions. */
const azure: ProviderRow = {
  paths: Object.fromEntries(
    azureSurfaces.map((surface) => [
      surface,
      `/openai/deployments/{model}${OPENAI[surface]}?api-version=${AZURE_VERSION}`,
    ]),
  ),
  endings: [
    {
      ending: "/openai/v1",
      paths: openaiPaths("/openai/v1", [...azureSurfaces, "responses", "images.edits"]),
    },
    { ending: "/openai" },
  ],
  credential: { openai: "api-key" },
  abortStopsBilling: true,
  ...asOpenai,
};

/** The whole table; a provider that is not in it gets no request. */
export const providers: Readonly<Record<string, ProviderRow>> = Object.assign(Object.create(null), {
  openai: openaiCompatible("/v1", everyOpenai, asOpenai),
  anthropic: {
    paths: below("/v1", { ...ANTHROPIC, "chat.completions": OPENAI["chat.completions"] }),
    endings: [{ ending: "/v1" }],
    credential: { anthropic: "x-api-key" },
    abortStopsBilling: true,
  },
  gemini: {
    paths: {
      ...gemini,
      ...openaiPaths("/v1beta/openai", ["chat.completions", "embeddings", "images.generations"]),
    },
    endings: [{ ending: "/v1beta/openai" }, { ending: "/v1beta" }, { ending: "/v1" }],
    credential: { gemini: "x-goog-api-key" },
    ...billsAbandoned,
  },
  "azure-openai": azure,
  mistral: openaiCompatible(
    "/v1",
    ["chat.completions", "embeddings", "moderations", "audio.transcriptions"],
    {
      noStreamOptions: true,
      ...billsAbandoned,
    },
  ),
  groq: openaiCompatible(
    "/openai/v1",
    ["chat.completions", "responses", "audio.transcriptions", "audio.translations", "audio.speech"],
    billsAbandoned,
  ),
  together: openaiCompatible("/v1", [
    ...(["chat.completions", "completions", "embeddings", "images.generations"] as const),
    ...(["audio.transcriptions", "audio.translations", "audio.speech"] as const),
  ]),
  openrouter: openaiCompatible("/api/v1", ["chat.completions", "completions", "responses", "embeddings"]),
  deepseek: openaiCompatible("/v1", ["chat.completions"]),
  // xAI answers a prompt that its safety checks stop with 403, as it does a credential without the right.
  xai: openaiCompatible("/v1", ["chat.completions", "responses", "images.generations"], {
    statusesOfRequest: [403],
  }),
  "openai-compatible": openaiCompatible("/v1", everyOpenai, {
    ...asOpenai,
    mayBeOpen: true,
    takesTrace: true,
  }),
  sandbox: {
    paths: { ...openaiPaths("/v1", everyOpenai), ...below("/v1", ANTHROPIC), ...gemini },
    endings: [{ ending: "/v1" }],
    credential: {},
    abortStopsBilling: true,
    takesTrace: true,
    ...asOpenai,
  },
} satisfies Record<string, ProviderRow>);

export interface Target {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** The path still has `{model}` in it. */
  readonly named: boolean;
}

/**
 * Where a surface of a provider is below a base URL. Undefined when the provider does not speak the surface or the base
 * URL is no plain http(s) address.
 */
export function targetOf(row: ProviderRow, surface: Surface, baseUrl: string): Target | undefined {
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch {
    return undefined;
  }
  const plain = url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (!plain || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  const base = url.pathname.replace(/\/+$/, "");
  const found = row.endings.find(({ ending }) => base.endsWith(ending));
  const path = (found?.paths ?? row.paths)[surface];
  if (path === undefined) return undefined;
  const root = found === undefined ? base : base.slice(0, -found.ending.length);
  return { origin: url.origin, path: root + path, named: path.includes("{model}") };
}

/** The path with the provider's own name of the model in it, and the version of the API that was called. */
export function pathFor(target: Target, model: string, version: string): string {
  if (!target.named) return target.path;
  return target.path.replace("{version}", version).replace("{model}", () => encodeURIComponent(model));
}
