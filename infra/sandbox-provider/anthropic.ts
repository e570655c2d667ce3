/** `POST /v1/messages` and `/v1/messages/count_tokens`, after Anthropic's API reference. */
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
import { piecesOf } from "./openai-chat.ts";
import { findModel } from "./prices.ts";

const Common = {
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.enum(["user", "assistant"]), content: Content })).min(1),
  system: Content,
  tools: z.array(z.looseObject({ name: z.string() })).nullish(),
  tool_choice: z.looseObject({ type: z.string(), name: z.string().optional() }).nullish(),
};
const CountBody = z.looseObject(Common);
const Body = z.looseObject({
  ...Common,
  max_tokens: z.int().min(1),
  stream: z.boolean().nullish(),
  output_config: z.looseObject({ format: z.looseObject({ type: z.string() }).nullish() }).nullish(),
});
type CountBody = z.infer<typeof CountBody>;
type Body = z.infer<typeof Body>;

function usageOf(reply: Reply, context: AnswerContext, outputTokens: number) {
  if (context.steering.omitUsage === true) return undefined;
  return {
    input_tokens: reply.tokens.fresh,
    cache_creation_input_tokens: reply.tokens.cacheWrite,
    cache_read_input_tokens: reply.tokens.cached,
    cache_creation: { ephemeral_5m_input_tokens: reply.tokens.cacheWrite, ephemeral_1h_input_tokens: 0 },
    output_tokens: outputTokens,
    service_tier: "standard",
  };
}

const STOP = { stop: "end_turn", length: "max_tokens", tool: "tool_use" } as const;

function inputTokensOf(body: CountBody): number {
  const tools = body.tools ?? [];
  const system = textOf(body.system) === "" ? 0 : messageTokens(body.system);
  return body.messages.reduce(
    (sum, message) => sum + messageTokens(message.content),
    system + toolTokens(tools),
  );
}

function forcedTool(choice: Body["tool_choice"]): Ask["toolForced"] {
  if (choice?.type === "any") return "any";
  return choice?.type === "tool" && choice.name !== undefined ? { name: choice.name } : null;
}

function askOf(body: CountBody, inputTokens: number): Ask | null {
  const model = findModel(body.model);
  if (model === null || model === "embed") return null;
  return {
    model,
    stream: false,
    lastText: textOf(body.messages.findLast((message) => message.role === "user")?.content),
    inputTokens,
    outputTokensMax: null,
    choices: 1,
    tools: (body.tools ?? []).map((tool) => tool.name),
    toolForced: forcedTool(body.tool_choice),
    json: null,
    writesCache: true,
    includeUsage: true,
  };
}

function read(value: unknown): ReturnType<Dialect["read"]> {
  const parsed = Body.safeParse(value);
  if (!parsed.success) return invalid(issueText(parsed.error));
  const body = parsed.data;
  const ask = askOf(body, inputTokensOf(body));
  if (ask === null) return modelNotFound(body.model);
  const format = body.output_config?.format;
  const json = format?.type === "json_schema" ? { schema: format.schema } : null;
  return { ...ask, stream: body.stream ?? false, outputTokensMax: body.max_tokens, json };
}

function blockOf(reply: Reply, context: AnswerContext) {
  if (reply.toolCall === null) return { type: "text", text: reply.text, citations: null };
  return {
    type: "tool_use",
    id: `toolu_${context.id}`,
    name: reply.toolCall.name,
    input: JSON.parse(reply.toolCall.argumentsJson),
  };
}

function messageOf(
  ask: Ask,
  context: AnswerContext,
  content: unknown[],
  stopReason: string | null,
  usage: unknown,
) {
  return {
    id: `msg_${context.id}`,
    type: "message",
    role: "assistant",
    model: ask.model,
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage,
  };
}

function event(data: { type: string; [member: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function* frames(ask: Ask, reply: Reply, context: AnswerContext): Generator<Frame> {
  const message = messageOf(
    ask,
    context,
    [],
    null,
    usageOf(reply, context, Math.min(1, reply.tokens.output)),
  );
  yield { data: event({ type: "message_start", message }), content: false };
  const empty =
    reply.toolCall === null ? { type: "text", text: "" } : { ...blockOf(reply, context), input: {} };
  yield { data: event({ type: "content_block_start", index: 0, content_block: empty }), content: false };
  yield { data: event({ type: "ping" }), content: false };
  for (const piece of piecesOf(reply.toolCall?.argumentsJson ?? reply.text, context)) {
    const delta =
      reply.toolCall === null
        ? { type: "text_delta", text: piece }
        : { type: "input_json_delta", partial_json: piece };
    yield { data: event({ type: "content_block_delta", index: 0, delta }), content: true };
  }
  yield { data: event({ type: "content_block_stop", index: 0 }), content: false };
  const delta = { stop_reason: STOP[reply.finish], stop_sequence: null };
  yield {
    data: event({ type: "message_delta", delta, usage: usageOf(reply, context, reply.tokens.output) }),
    content: false,
  };
  yield { data: event({ type: "message_stop" }), content: false };
}

export const anthropicMessages: Dialect = {
  read,
  frames,
  streamType: "text/event-stream; charset=utf-8",
  whole(ask, reply, context) {
    const usage = usageOf(reply, context, reply.tokens.output);
    return messageOf(ask, context, [blockOf(reply, context)], STOP[reply.finish], usage);
  },
};

/** Counting is free: the route table says that it is not billed. */
export const anthropicCount: Dialect = {
  streamType: "application/json",
  read(value) {
    const parsed = CountBody.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    return askOf(parsed.data, inputTokensOf(parsed.data)) ?? modelNotFound(parsed.data.model);
  },
  whole(ask) {
    return { input_tokens: ask.inputTokens };
  },
  frames() {
    throw new Error("a count is never streamed");
  },
};
