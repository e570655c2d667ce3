/** What the sandbox's models cost, in whole nano-dollars per token, so that a bill is never rounded. */
export interface Price {
  readonly inputNanos: number;
  readonly cachedNanos: number;
  readonly cacheWriteNanos: number;
  readonly outputNanos: number;
}

export type ModelName = "echo" | "story" | "embed";

export const PRICES: Readonly<Record<ModelName, Price>> = {
  echo: { inputNanos: 150, cachedNanos: 75, cacheWriteNanos: 180, outputNanos: 600 },
  story: { inputNanos: 2_500, cachedNanos: 1_250, cacheWriteNanos: 3_000, outputNanos: 10_000 },
  embed: { inputNanos: 20, cachedNanos: 20, cacheWriteNanos: 20, outputNanos: 0 },
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
