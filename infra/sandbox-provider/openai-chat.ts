/** `POST /v1/chat/completions`, after the OpenAI API reference. */
import * as z from "zod";
import { Content, issueText, messageTokens, textOf, toolTokens } from "./content.ts";
import {
  type AnswerContext,
  type Ask,
  type Dialect,
  type Frame,
  invalid,
  modelNotFound,
  type Reply,
} from "./dialect.ts";
import { findModel } from "./prices.ts";
import { cutIntoPieces, tokenCount } from "./text.ts";

const Body = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: Content })).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).max(128).nullish(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).nullish(),
  tool_choice: z
    .union([z.string(), z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })])
    .nullish(),
  response_format: z.looseObject({ type: z.string(), json_schema: z.looseObject({}).optional() }).nullish(),
});
type Body = z.infer<typeof Body>;

function forcedTool(choice: Body["tool_choice"]): Ask["toolForced"] {
  if (choice === "required") return "any";
  if (typeof choice === "object" && choice?.function !== undefined) return { name: choice.function.name };
  return null;
}

function jsonAsked(format: Body["response_format"]): Ask["json"] {
  if (format?.type === "json_object") return { schema: undefined };
  return format?.type === "json_schema" ? { schema: format.json_schema?.schema } : null;
}

/** The usage object of OpenAI's chat and text completions; undefined when the steering leaves it out. */
export function openaiUsage(reply: Reply, context: AnswerContext) {
  if (context.steering.omitUsage === true) return undefined;
  return {
    prompt_tokens: reply.inputTokens,
    completion_tokens: reply.tokens.output,
    total_tokens: reply.inputTokens + reply.tokens.output,
    prompt_tokens_details: { cached_tokens: reply.tokens.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reply.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Pieces of a text for a stream: as many as the steering says, else one per four tokens. */
export function piecesOf(text: string, context: AnswerContext): string[] {
  const natural = Math.max(1, Math.ceil(tokenCount(text) / 4));
  return cutIntoPieces(text, context.steering.chunks ?? natural);
}

function toolCallOf(reply: Reply, context: AnswerContext) {
  if (reply.toolCall === null) return undefined;
  const { name, argumentsJson } = reply.toolCall;
  return [{ id: `call_${context.id}`, type: "function", function: { name, arguments: argumentsJson } }];
}

const FINISH = { stop: "stop", length: "length", tool: "tool_calls" } as const;

function chunk(ask: Ask, context: AnswerContext, choices: unknown[], usage: unknown): string {
  const body = {
    id: `chatcmpl-${context.id}`,
    object: "chat.completion.chunk",
    created: context.createdAtS,
    model: ask.model,
    service_tier: "default",
    system_fingerprint: "fp_sandbox",
    choices,
    usage,
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

function* deltas(reply: Reply, context: AnswerContext): Generator<{ delta: unknown; content: boolean }> {
  yield {
    delta: { role: "assistant", content: reply.toolCall === null ? "" : null, refusal: null },
    content: false,
  };
  const calls = toolCallOf(reply, context);
  if (calls === undefined) {
    for (const content of piecesOf(reply.text, context)) yield { delta: { content }, content: true };
    return;
  }
  const [call] = calls;
  yield {
    delta: { tool_calls: [{ index: 0, ...call, function: { name: call?.function.name, arguments: "" } }] },
    content: false,
  };
  for (const piece of piecesOf(call?.function.arguments ?? "", context)) {
    yield { delta: { tool_calls: [{ index: 0, function: { arguments: piece } }] }, content: true };
  }
}

function* frames(ask: Ask, reply: Reply, context: AnswerContext): Generator<Frame> {
  const usage = openaiUsage(reply, context);
  const where = context.steering.usageIn ?? (ask.includeUsage ? "separate" : "none");
  const meanwhile = where === "every" ? usage : where === "none" ? undefined : null;
  const last = where === "last" || where === "every" ? usage : meanwhile;
  for (const { delta, content } of deltas(reply, context)) {
    const choices = Array.from({ length: ask.choices }, (_, index) => ({
      index,
      delta,
      logprobs: null,
      finish_reason: null,
    }));
    yield { data: chunk(ask, context, choices, meanwhile), content };
  }
  const ends = Array.from({ length: ask.choices }, (_, index) => ({
    index,
    delta: {},
    logprobs: null,
    finish_reason: FINISH[reply.finish],
  }));
  yield { data: chunk(ask, context, ends, last), content: false };
  if (where === "separate" && usage !== undefined)
    yield { data: chunk(ask, context, [], usage), content: false };
  yield { data: "data: [DONE]\n\n", content: false };
}

function read(value: unknown): ReturnType<Dialect["read"]> {
  const parsed = Body.safeParse(value);
  if (!parsed.success) return invalid(issueText(parsed.error));
  const body = parsed.data;
  const model = findModel(body.model);
  if (model === null || model === "embed") return modelNotFound(body.model);
  const tools = body.tools ?? [];
  const speaker = body.messages.findLast((message) => message.role === "user" || message.role === "tool");
  return {
    model,
    stream: body.stream ?? false,
    lastText: textOf(speaker?.content),
    inputTokens: body.messages.reduce(
      (sum, message) => sum + messageTokens(message.content),
      toolTokens(tools),
    ),
    outputTokensMax: body.max_completion_tokens ?? body.max_tokens ?? null,
    choices: body.n ?? 1,
    tools: tools.flatMap((tool) => (tool.function === undefined ? [] : [tool.function.name])),
    toolForced: forcedTool(body.tool_choice),
    json: jsonAsked(body.response_format),
    writesCache: false,
    includeUsage: body.stream_options?.include_usage ?? false,
  };
}

export const openaiChat: Dialect = {
  read,
  frames,
  streamType: "text/event-stream; charset=utf-8",
  whole(ask, reply, context) {
    const message = {
      role: "assistant",
      content: reply.toolCall === null ? reply.text : null,
      refusal: null,
      annotations: [],
      tool_calls: toolCallOf(reply, context),
    };
    return {
      id: `chatcmpl-${context.id}`,
      object: "chat.completion",
      created: context.createdAtS,
      model: ask.model,
      choices: Array.from({ length: ask.choices }, (_, index) => ({
        index,
        message,
        logprobs: null,
        finish_reason: FINISH[reply.finish],
      })),
      usage: openaiUsage(reply, context),
      service_tier: "default",
      system_fingerprint: "fp_sandbox",
    };
  },
};
