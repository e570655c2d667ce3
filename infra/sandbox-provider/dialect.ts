/** The words between the provider's one mind (reply.ts) and the vendors' ways of saying it. */
import type { BilledTokens, ModelName } from "./prices.ts";
import type { Steering } from "./steering.ts";

/** What a request asks for, whatever vendor's shape it came in. */
export interface Ask {
  readonly model: ModelName;
  readonly stream: boolean;
  /** The last user message, or the last tool result when that came later. */
  readonly lastText: string;
  readonly inputTokens: number;
  readonly outputTokensMax: number | null;
  readonly choices: number;
  readonly tools: readonly string[];
  /** A tool that must be called: its name, or `any`. */
  readonly toolForced: { readonly name: string } | "any" | null;
  readonly json: { readonly schema: unknown } | null;
  /** Anthropic counts tokens written to its cache apart. */
  readonly writesCache: boolean;
  /** Chat streams: the client asked for a chunk with the usage. */
  readonly includeUsage: boolean;
}

export interface ToolCall {
  readonly name: string;
  readonly argumentsJson: string;
}

/** What the provider says, and what that costs. `output` is of all choices together. */
export interface Reply {
  readonly text: string;
  readonly toolCall: ToolCall | null;
  readonly finish: "stop" | "length" | "tool";
  readonly tokens: BilledTokens;
  readonly inputTokens: number;
  readonly reasoningTokens: number;
}

/** A refusal: status, the vendor-neutral kind, and a sentence. */
export interface Fault {
  readonly status: number;
  readonly kind: "authentication" | "invalid" | "not_found" | "rate_limit" | "server";
  readonly message: string;
}

export interface AnswerContext {
  readonly id: string;
  readonly createdAtS: number;
  readonly steering: Steering;
}

/** One event of a stream; `content` marks those that the steering counts, `share` is their part of the output. */
export interface Frame {
  readonly data: string;
  readonly content: boolean;
}

export interface Dialect {
  /** The ask in a parsed body, or why it is refused. `model` and `stream` may come from the path (Gemini). */
  read(body: unknown, path: { model?: string; stream?: boolean; sse?: boolean }): Ask | Fault;
  whole(ask: Ask, reply: Reply, context: AnswerContext): unknown;
  frames(ask: Ask, reply: Reply, context: AnswerContext): Iterable<Frame>;
  readonly streamType: string;
  /** An answer that is no JSON; null when this one is. */
  raw?(ask: Ask, reply: Reply): { readonly type: string; readonly body: Buffer } | null;
}

export function isFault(value: Ask | Fault): value is Fault {
  return "kind" in value;
}

/** A 400 with a sentence. */
export function invalid(message: string): Fault {
  return { status: 400, kind: "invalid", message };
}

/** The 404 for a model that the provider does not have. */
export function modelNotFound(model: string): Fault {
  return { status: 404, kind: "not_found", message: `The model ${JSON.stringify(model)} does not exist.` };
}
