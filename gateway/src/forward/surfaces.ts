/** The words of the route table: whose clients call, what they call, and how a provider is shown who calls. */
import type { Dialect, Shape } from "@claviger/shared/decide/problem";

export type { Dialect, Shape };

/** A surface that a provider serves in its own words. */
export type Surface =
  | "chat.completions"
  | "completions"
  | "responses"
  | "embeddings"
  | "images.generations"
  | "images.edits"
  | "images.variations"
  | "audio.transcriptions"
  | "audio.translations"
  | "audio.speech"
  | "moderations"
  | "messages"
  | "messages.count_tokens"
  | "generateContent"
  | "streamGenerateContent"
  | "embedContent"
  | "batchEmbedContents"
  | "countTokens";

/** What a surface is good for: who cannot have one is told of the others that do the same. */
export type Task = "text" | "count" | "embedding" | "image" | "audio" | "moderation";
