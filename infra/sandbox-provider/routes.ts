/** Which paths the provider answers: one closed table. */
import type { IncomingHttpHeaders } from "node:http";
import { anthropicCount, anthropicMessages } from "./anthropic.ts";
import { openaiSpeech, openaiTranscripts } from "./audio.ts";
import type { Dialect } from "./dialect.ts";
import { openaiEmbeddings } from "./embeddings.ts";
import { geminiGenerate } from "./gemini.ts";
import { geminiBatchEmbed, geminiCount, geminiEmbed } from "./gemini-more.ts";
import { openaiImages } from "./images.ts";
import { openaiModerations } from "./moderations.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiCompletions } from "./openai-completions.ts";
import { openaiResponses } from "./openai-responses.ts";
import type { Vendor } from "./vendor.ts";

export interface Route {
  readonly vendor: Vendor;
  readonly dialect: Dialect;
  readonly billed: boolean;
  /** The body is a form. */
  readonly form?: true;
  readonly path: { model?: string; stream?: boolean; sse?: boolean };
}

const POSTS: ReadonlyMap<string, Route> = new Map([
  ["/v1/chat/completions", { vendor: "openai", dialect: openaiChat, billed: true, path: {} }],
  ["/v1/completions", { vendor: "openai", dialect: openaiCompletions, billed: true, path: {} }],
  ["/v1/responses", { vendor: "openai", dialect: openaiResponses, billed: true, path: {} }],
  ["/v1/embeddings", { vendor: "openai", dialect: openaiEmbeddings, billed: true, path: {} }],
  ["/v1/images/generations", { vendor: "openai", dialect: openaiImages, billed: true, path: {} }],
  ["/v1/images/edits", { vendor: "openai", dialect: openaiImages, billed: true, form: true, path: {} }],
  ["/v1/images/variations", { vendor: "openai", dialect: openaiImages, billed: true, form: true, path: {} }],
  [
    "/v1/audio/transcriptions",
    { vendor: "openai", dialect: openaiTranscripts, billed: true, form: true, path: {} },
  ],
  [
    "/v1/audio/translations",
    { vendor: "openai", dialect: openaiTranscripts, billed: true, form: true, path: {} },
  ],
  ["/v1/audio/speech", { vendor: "openai", dialect: openaiSpeech, billed: true, path: {} }],
  ["/v1/moderations", { vendor: "openai", dialect: openaiModerations, billed: false, path: {} }],
  ["/v1/messages", { vendor: "anthropic", dialect: anthropicMessages, billed: true, path: {} }],
  ["/v1/messages/count_tokens", { vendor: "anthropic", dialect: anthropicCount, billed: false, path: {} }],
]);

const GEMINI = /^\/v1(?:beta)?\/models\/((?:sandbox(?:\/|%2[Ff]))?[^/:]+):(\w+)$/;

const METHODS: Readonly<Record<string, Dialect>> = {
  generateContent: geminiGenerate,
  streamGenerateContent: geminiGenerate,
  embedContent: geminiEmbed,
  batchEmbedContents: geminiBatchEmbed,
  countTokens: geminiCount,
};

/** The route of a POST, or null. */
export function findRoute(path: string, query: URLSearchParams): Route | null {
  const plain = POSTS.get(path);
  if (plain !== undefined) return plain;
  const match = GEMINI.exec(path);
  if (match === null) return null;
  const [, name = "", method = ""] = match;
  const dialect = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (dialect === undefined) return null;
  const stream = method === "streamGenerateContent";
  return {
    vendor: "gemini",
    dialect,
    billed: dialect !== geminiCount,
    path: { model: decodeURIComponent(name), stream, sse: stream && query.get("alt") === "sse" },
  };
}

/** Whose shape an answer takes on a path that no route matched, or that all vendors share. */
export function vendorOf(path: string, headers: IncomingHttpHeaders): Vendor {
  if (path.startsWith("/v1beta/") || headers["x-goog-api-key"] !== undefined) return "gemini";
  return headers["anthropic-version"] !== undefined || path.startsWith("/v1/messages")
    ? "anthropic"
    : "openai";
}
