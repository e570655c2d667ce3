/** One row per provider: what it speaks natively, where, how it is authenticated, whether leaving stops its meter. */

export type Dialect = "openai" | "anthropic";

/** A surface that a provider serves in its own words. */
export type Surface = "chat.completions" | "messages";

export interface ProviderRow {
  /** Path of each native surface, appended to the LLM key's base URL without that URL's own `prefix`. */
  readonly paths: Readonly<Partial<Record<Surface, string>>>;
  /** Path that official base URLs end with; a base URL that already ends so is not given it twice. */
  readonly prefix: string;
  readonly credential: "bearer" | "x-api-key" | "none-or-bearer";
  /** False: the provider bills what it would have generated, so an abandoned call is read on for its usage. */
  readonly abortStopsBilling: boolean;
  /** The provider refuses `stream_options`; its streams carry usage unasked or not at all. */
  readonly noStreamOptions?: true;
}

const openaiCompatible = (prefix: string, details: Partial<ProviderRow> = {}): ProviderRow => ({
  paths: { "chat.completions": "/chat/completions" },
  prefix,
  credential: "bearer",
  abortStopsBilling: true,
  ...details,
});

/** Of these it is known that they go on for nobody (openrouter.ai/docs/api-reference/streaming, "Stream Cancellation"). */
const billsAbandoned = { abortStopsBilling: false };

/** The whole table; a provider that is not in it gets no request. */
export const providers: Readonly<Record<string, ProviderRow>> = Object.assign(Object.create(null), {
  openai: openaiCompatible("/v1"),
  anthropic: {
    paths: { messages: "/messages", "chat.completions": "/chat/completions" },
    prefix: "/v1",
    credential: "x-api-key",
    abortStopsBilling: true,
  },
  gemini: openaiCompatible("/v1beta/openai", billsAbandoned),
  mistral: openaiCompatible("/v1", { noStreamOptions: true, ...billsAbandoned }),
  groq: openaiCompatible("/openai/v1", billsAbandoned),
  together: openaiCompatible("/v1"),
  openrouter: openaiCompatible("/api/v1"),
  deepseek: openaiCompatible("/v1"),
  xai: openaiCompatible("/v1"),
  "openai-compatible": openaiCompatible("/v1", { credential: "none-or-bearer" }),
  sandbox: {
    paths: { "chat.completions": "/chat/completions", messages: "/messages" },
    prefix: "/v1",
    credential: "bearer",
    abortStopsBilling: true,
  },
} satisfies Record<string, ProviderRow>);

export interface Target {
  readonly origin: string;
  readonly path: string;
}

/**
 * Where a surface of a provider is below a base URL: `https://api.openai.com` and `https://api.openai.com/v1` mean the
 * same. Undefined when the provider does not speak the surface or the base URL is no plain http(s) address.
 */
export function targetOf(row: ProviderRow, surface: Surface, baseUrl: string): Target | undefined {
  const path = row.paths[surface];
  if (path === undefined) return undefined;
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch {
    return undefined;
  }
  const plain = url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (!plain || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  const base = url.pathname.replace(/\/+$/, "");
  const root = base.endsWith(row.prefix) ? base : base + row.prefix;
  return { origin: url.origin, path: root + path };
}
