/** What the API shows of providers and models. */

export interface ProviderView {
  readonly name: string;
  /** null: every LLM key of it brings its own. */
  readonly defaultBaseUrl: string | null;
  readonly needsCredential: boolean;
}

/** Prices are US dollars per million tokens as decimal strings; null: unknown, which is never $0. */
export interface ModelView {
  readonly provider: string;
  readonly name: string;
  readonly contextWindow: number | null;
  readonly inputUsdPerMillion: string | null;
  readonly outputUsdPerMillion: string | null;
  readonly cacheReadUsdPerMillion: string | null;
  readonly cacheWriteUsdPerMillion: string | null;
}
