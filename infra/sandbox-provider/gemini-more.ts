/** Gemini's `embedContent`, `batchEmbedContents` and `countTokens`. */
import * as z from "zod";
import { issueText, messageTokens, textOf } from "./content.ts";
import { type Ask, type Dialect, invalid, modelNotFound } from "./dialect.ts";
import { embed, embeddingAsk } from "./embeddings.ts";
import { Turn } from "./gemini.ts";
import { findModel } from "./prices.ts";
import { tokenCount } from "./text.ts";

const EmbedBody = z.looseObject({
  content: Turn,
  outputDimensionality: z.int().min(1).max(4_096).optional(),
});

const BatchBody = z.looseObject({ requests: z.array(EmbedBody).min(1) });
const CountBody = z.looseObject({
  contents: z.array(Turn).optional(),
  generateContentRequest: z.looseObject({ contents: z.array(Turn) }).optional(),
});

interface EmbedAsk extends Ask {
  readonly text: string;
  readonly dimensions: number;
}

function isEmbedAsk(ask: Ask): ask is EmbedAsk {
  return "text" in ask && "dimensions" in ask;
}

export const geminiEmbed: Dialect = {
  streamType: "application/json",
  read(value, path) {
    const parsed = EmbedBody.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    if (findModel(path.model ?? "") !== "embed") return modelNotFound(path.model ?? "");
    const text = textOf(parsed.data.content.parts);
    const ask: EmbedAsk = {
      ...embeddingAsk(tokenCount(text)),
      text,
      dimensions: parsed.data.outputDimensionality ?? 8,
    };
    return ask;
  },
  whole(ask) {
    if (!isEmbedAsk(ask)) throw new Error("an ask of another dialect");
    return { embedding: { values: embed(ask.text, ask.dimensions) } };
  },
  frames() {
    throw new Error("embeddings are never streamed");
  },
};

interface BatchAsk extends Ask {
  readonly vectors: readonly (readonly number[])[];
}

export const geminiBatchEmbed: Dialect = {
  streamType: "application/json",
  read(value, path) {
    const parsed = BatchBody.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    if (findModel(path.model ?? "") !== "embed") return modelNotFound(path.model ?? "");
    const { requests } = parsed.data;
    // Google refuses a request that names two models.
    const other = requests.find(({ model }) => model !== `models/${path.model}`);
    if (other !== undefined) return invalid("requests.model: is not the model of the path");
    const texts = requests.map(({ content }) => textOf(content.parts));
    const ask: BatchAsk = {
      ...embeddingAsk(texts.reduce((sum, text) => sum + tokenCount(text), 0)),
      vectors: requests.map((each, index) => embed(texts[index] ?? "", each.outputDimensionality ?? 8)),
    };
    return ask;
  },
  whole(ask) {
    const vectors = "vectors" in ask ? (ask as BatchAsk).vectors : [];
    return { embeddings: vectors.map((values) => ({ values })) };
  },
  frames() {
    throw new Error("embeddings are never streamed");
  },
};

/** Counting is free: the route table says that it is not billed. */
export const geminiCount: Dialect = {
  streamType: "application/json",
  read(value, path) {
    const parsed = CountBody.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    if (findModel(path.model ?? "") === null) return modelNotFound(path.model ?? "");
    const turns = parsed.data.contents ?? parsed.data.generateContentRequest?.contents ?? [];
    return embeddingAsk(turns.reduce((sum, turn) => sum + messageTokens(turn.parts), 0));
  },
  whole(ask) {
    return { totalTokens: ask.inputTokens };
  },
  frames() {
    throw new Error("a count is never streamed");
  },
};
