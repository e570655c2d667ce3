/** Embeddings: the same text always has the same vector, of length one, made from its SHA-256. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { issueText } from "./content.ts";
import { type Ask, type Dialect, invalid, modelNotFound } from "./dialect.ts";
import { findModel } from "./prices.ts";
import { tokenCount } from "./text.ts";

const DIMENSIONS_DEFAULT = 8;

const Body = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.string()).min(1)]),
  dimensions: z.int().min(1).max(4_096).nullish(),
  encoding_format: z.enum(["float", "base64"]).nullish(),
});

/** A unit vector of so many dimensions; every number is exact in 32 bits. */
export function embed(text: string, dimensions: number): number[] {
  const raw = Array.from({ length: dimensions }, (_, index) => {
    const digest = createHash("sha256").update(`${index}:${text}`).digest();
    return digest.readInt32BE(0) / 2 ** 31;
  });
  const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0)) || 1;
  return raw.map((value) => Math.fround(value / length));
}

/** An ask that only has input. */
export function embeddingAsk(inputTokens: number): Ask {
  return {
    model: "embed",
    stream: false,
    lastText: "",
    inputTokens,
    outputTokensMax: 0,
    choices: 1,
    tools: [],
    toolForced: null,
    json: null,
    writesCache: false,
    includeUsage: false,
  };
}

interface EmbeddingAsk extends Ask {
  readonly texts: readonly string[];
  readonly dimensions: number;
  readonly base64: boolean;
}

function isEmbeddingAsk(ask: Ask): ask is EmbeddingAsk {
  return "texts" in ask;
}

function base64Of(vector: readonly number[]): string {
  return Buffer.from(new Float32Array(vector).buffer).toString("base64");
}

export const openaiEmbeddings: Dialect = {
  streamType: "application/json",
  read(value) {
    const parsed = Body.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    if (findModel(parsed.data.model) !== "embed") return modelNotFound(parsed.data.model);
    const texts = typeof parsed.data.input === "string" ? [parsed.data.input] : parsed.data.input;
    const ask: EmbeddingAsk = {
      ...embeddingAsk(texts.reduce((sum, text) => sum + tokenCount(text), 0)),
      texts,
      dimensions: parsed.data.dimensions ?? DIMENSIONS_DEFAULT,
      base64: parsed.data.encoding_format === "base64",
    };
    return ask;
  },
  whole(ask, reply, context) {
    if (!isEmbeddingAsk(ask)) throw new Error("an ask of another dialect");
    const vectors = ask.texts.map((text) => embed(text, ask.dimensions));
    return {
      object: "list",
      data: vectors.map((vector, index) => ({
        object: "embedding",
        index,
        embedding: ask.base64 ? base64Of(vector) : vector,
      })),
      model: ask.model,
      usage:
        context.steering.omitUsage === true
          ? undefined
          : { prompt_tokens: reply.inputTokens, total_tokens: reply.inputTokens },
    };
  },
  frames() {
    throw new Error("embeddings are never streamed");
  },
};
