/** What the sandbox's models cost, in whole nano-dollars per token, so that a bill is never rounded. */
export interface Price {
  readonly inputNanos: number;
  readonly cachedNanos: number;
  readonly cacheWriteNanos: number;
  readonly outputNanos: number;
}

export type ModelName = "echo" | "story" | "embed";

/** The same as in the control plane's catalogue (prices.test.ts holds them together); a cache write costs fresh input. */
const CHAT: Price = { inputNanos: 1_000, cachedNanos: 100, cacheWriteNanos: 1_000, outputNanos: 2_000 };

export const PRICES: Readonly<Record<ModelName, Price>> = {
  echo: CHAT,
  story: CHAT,
  embed: { ...CHAT, outputNanos: 0 },
};

/** The model that a request names, as `echo` or as `sandbox/echo`; null when the provider has no such model. */
export function findModel(name: string): ModelName | null {
  const bare = name.startsWith("sandbox/") ? name.slice("sandbox/".length) : name;
  return bare === "echo" || bare === "story" || bare === "embed" ? bare : null;
}

/** Disjoint token counts of one answer; reasoning is part of `output`. */
export interface BilledTokens {
  readonly fresh: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly output: number;
}

/** The price of an answer in nano-dollars, exact. */
export function nanosOf(model: ModelName, tokens: BilledTokens): number {
  const price = PRICES[model];
  return (
    tokens.fresh * price.inputNanos +
    tokens.cached * price.cachedNanos +
    tokens.cacheWrite * price.cacheWriteNanos +
    tokens.output * price.outputNanos
  );
}
