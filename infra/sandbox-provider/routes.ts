/** Which paths the provider answers: one closed table. */
import type { IncomingHttpHeaders } from "node:http";
import { anthropicCount, anthropicMessages } from "./anthropic.ts";
import type { Dialect } from "./dialect.ts";
import { openaiEmbeddings } from "./embeddings.ts";
import { geminiEmbed, geminiGenerate } from "./gemini.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiCompletions } from "./openai-completions.ts";
import { openaiResponses } from "./openai-responses.ts";
import type { Vendor } from "./vendor.ts";

export interface Route {
  readonly vendor: Vendor;
  readonly dialect: Dialect;
  readonly billed: boolean;
  readonly path: { model?: string; stream?: boolean; sse?: boolean };
}

const POSTS: ReadonlyMap<string, Route> = new Map([
  ["/v1/chat/completions", { vendor: "openai", dialect: openaiChat, billed: true, path: {} }],
  ["/v1/completions", { vendor: "openai", dialect: openaiCompletions, billed: true, path: {} }],
  ["/v1/responses", { vendor: "openai", dialect: openaiResponses, billed: true, path: {} }],
  ["/v1/embeddings", { vendor: "openai", dialect: openaiEmbeddings, billed: true, path: {} }],
  ["/v1/messages", { vendor: "anthropic", dialect: anthropicMessages, billed: true, path: {} }],
  ["/v1/messages/count_tokens", { vendor: "anthropic", dialect: anthropicCount, billed: false, path: {} }],
]);

const GEMINI =
  /^\/v1(?:beta)?\/models\/((?:sandbox(?:\/|%2[Ff]))?[^/:]+):(generateContent|streamGenerateContent|embedContent)$/;

/** The route of a POST, or null. */
export function findRoute(path: string, query: URLSearchParams): Route | null {
  const plain = POSTS.get(path);
  if (plain !== undefined) return plain;
  const match = GEMINI.exec(path);
  if (match === null) return null;
  const [, name = "", method] = match;
  const stream = method === "streamGenerateContent";
  return {
    vendor: "gemini",
    dialect: method === "embedContent" ? geminiEmbed : geminiGenerate,
    billed: true,
    path: { model: decodeURIComponent(name), stream, sse: stream && query.get("alt") === "sse" },
  };
}

/** Whose shape an answer takes on a path that no route matched, or that all vendors share. */
export function vendorOf(path: string, headers: IncomingHttpHeaders): Vendor {
  if (path.startsWith("/v1beta/")) return "gemini";
  return headers["anthropic-version"] !== undefined || path.startsWith("/v1/messages")
    ? "anthropic"
    : "openai";
}
