/**
 * The provider's mind: the same ask always gets the same words and the same counts.
 *
 * - `echo` says the last user message (or tool result) again; `story` tells a story of exactly the client's output limit (256 when absent).
 * - Tools: a last message with `call NAME` or `call NAME {…}`, NAME one of the request's tools, calls that tool with that
 *   object ({} when absent); a forced tool is called with {}. A call that does not fit the output limit becomes words.
 * - JSON asked for without a schema: `{"echo": <the words>}`; with one: the smallest instance of it.
 * - Tokens: input = text tokens + 4 per message; a quarter of it is cached, an eighth written to the cache where
 *   the vendor counts that; an eighth of the output is reasoning.
 */
import type { Ask, Reply, ToolCall } from "./dialect.ts";
import { smallestInstance } from "./json-instance.ts";
import type { Steering } from "./steering.ts";
import { cutToTokens, fillToTokens, tellStory, tokenCount } from "./text.ts";

const STORY_TOKENS_DEFAULT = 256;

function calledTool(ask: Ask): ToolCall | null {
  for (const name of ask.tools) {
    const at = ask.lastText.indexOf(`call ${name}`);
    if (at < 0) continue;
    const rest = ask.lastText.slice(at + "call ".length + name.length);
    if (/^[\w-]/.test(rest)) continue;
    return { name, argumentsJson: readObject(rest) ?? "{}" };
  }
  if (ask.toolForced === null) return null;
  const name = ask.toolForced === "any" ? ask.tools[0] : ask.toolForced.name;
  return name === undefined ? null : { name, argumentsJson: "{}" };
}

/** The JSON object that a text starts with, to its last brace, or null. */
function readObject(text: string): string | null {
  const trimmed = text.trimStart();
  const end = trimmed.lastIndexOf("}");
  if (!trimmed.startsWith("{") || end < 0) return null;
  const candidate = trimmed.slice(0, end + 1);
  try {
    JSON.parse(candidate);
    return candidate;
  } catch {
    return null;
  }
}

function wordsOf(ask: Ask): string {
  if (ask.json !== null) {
    const value = ask.json.schema === undefined ? { echo: ask.lastText } : smallestInstance(ask.json.schema);
    return JSON.stringify(value);
  }
  if (ask.model === "story") {
    const total = ask.outputTokensMax ?? STORY_TOKENS_DEFAULT;
    return tellStory(total - Math.floor(total / 8));
  }
  return ask.lastText;
}

/** So many tokens of reasoning go with so many of text that reasoning is an eighth of both together. */
function withReasoning(textTokens: number): number {
  return textTokens + Math.floor(textTokens / 7);
}

interface Words {
  readonly text: string;
  readonly toolCall: ToolCall | null;
  readonly finish: Reply["finish"];
  readonly outputTokens: number;
}

function say(ask: Ask, steering: Steering): Words {
  const limit = ask.outputTokensMax ?? Number.POSITIVE_INFINITY;
  const toolCall = calledTool(ask);
  if (toolCall !== null && steering.outputTokens === undefined) {
    const outputTokens = withReasoning(tokenCount(toolCall.name + toolCall.argumentsJson));
    if (outputTokens <= limit) return { text: "", toolCall, finish: "tool", outputTokens };
  }
  const words = wordsOf(ask);
  if (steering.outputTokens !== undefined) {
    const outputTokens = steering.outputTokens;
    const text = outputTokens === 0 ? "" : fillToTokens(words, outputTokens - Math.floor(outputTokens / 8));
    return { text, toolCall: null, finish: outputTokens >= limit ? "length" : "stop", outputTokens };
  }
  const wanted = withReasoning(tokenCount(words));
  if (wanted <= limit) {
    const full = ask.model === "story" && ask.json === null && ask.outputTokensMax !== null;
    return { text: words, toolCall: null, finish: full ? "length" : "stop", outputTokens: wanted };
  }
  return {
    text: cutToTokens(words, limit - Math.floor(limit / 8)),
    toolCall: null,
    finish: "length",
    outputTokens: limit,
  };
}

/** What the provider answers to an ask; pure. */
export function replyTo(ask: Ask, steering: Steering): Reply {
  const { text, toolCall, finish, outputTokens } = say(ask, steering);
  const cached = Math.floor(ask.inputTokens / 4);
  const cacheWrite = ask.writesCache ? Math.floor(ask.inputTokens / 8) : 0;
  return {
    text,
    toolCall,
    finish,
    inputTokens: ask.inputTokens,
    reasoningTokens: Math.floor(outputTokens / 8) * ask.choices,
    tokens: {
      fresh: ask.inputTokens - cached - cacheWrite,
      cached,
      cacheWrite,
      output: outputTokens * ask.choices,
    },
  };
}
