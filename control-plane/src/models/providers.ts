/** The providers that an LLM key can be of: one row each. What a gateway speaks to them is in its own table. */

export interface ProviderRow {
  /** Origin without a path prefix; null: the LLM key brings its own. */
  readonly baseUrl: string | null;
  readonly needsCredential: boolean;
  /** Its name in the price list; null: none of its models are known. */
  readonly priced: string | null;
  /** Models of the price list that are not this provider's own are left out. */
  readonly only?: RegExp;
}

const provider = (baseUrl: string, priced: string, only?: RegExp): ProviderRow => ({
  baseUrl,
  needsCredential: true,
  priced,
  ...(only === undefined ? {} : { only }),
});

const rows: Readonly<Record<string, ProviderRow>> = {
  openai: provider("https://api.openai.com", "openai"),
  anthropic: provider("https://api.anthropic.com", "anthropic"),
  gemini: provider("https://generativelanguage.googleapis.com", "google", /^(?:gemini|gemma|text-embedding)/),
  // Its models are deployments, which everybody names as they like.
  "azure-openai": { baseUrl: null, needsCredential: true, priced: null },
  mistral: provider("https://api.mistral.ai", "mistral"),
  groq: provider("https://api.groq.com", "groq"),
  together: provider("https://api.together.xyz", "together"),
  openrouter: provider("https://openrouter.ai", "openrouter"),
  deepseek: provider("https://api.deepseek.com", "deepseek"),
  xai: provider("https://api.x.ai", "x-ai"),
  "openai-compatible": { baseUrl: null, needsCredential: false, priced: null },
  sandbox: { baseUrl: null, needsCredential: false, priced: null },
};

export const providerNames: readonly string[] = Object.keys(rows);

/** The row of a provider; undefined for what is not in the table. */
export function providerRow(name: string): ProviderRow | undefined {
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}
