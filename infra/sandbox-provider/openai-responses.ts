/** `POST /v1/responses` of the OpenAI API: text and function calls, streamed as its typed events or whole. */
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

const Item = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: Content,
  output: Content,
});
const Body = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(Item).min(1)]),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  tools: z.array(z.looseObject({ type: z.string(), name: z.string().optional() })).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ name: z.string().optional() })]).nullish(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }).nullish() }).nullish(),
});
type Body = z.infer<typeof Body>;

function usageOf(reply: Reply, context: AnswerContext) {
  if (context.steering.omitUsage === true) return null;
  return {
    input_tokens: reply.inputTokens,
    input_tokens_details: { cached_tokens: reply.tokens.cached },
    output_tokens: reply.tokens.output,
    output_tokens_details: { reasoning_tokens: reply.reasoningTokens },
    total_tokens: reply.inputTokens + reply.tokens.output,
  };
}

function itemOf(reply: Reply, context: AnswerContext, done: boolean) {
  const status = done ? "completed" : "in_progress";
  if (reply.toolCall !== null) {
    const { name, argumentsJson } = reply.toolCall;
    return {
      id: `fc_${context.id}`,
      type: "function_call",
      status,
      call_id: `call_${context.id}`,
      name,
      arguments: done ? argumentsJson : "",
    };
  }
  const content = done ? [{ type: "output_text", text: reply.text, annotations: [], logprobs: [] }] : [];
  return { id: `msg_${context.id}`, type: "message", status, role: "assistant", content };
}

function responseOf(ask: Ask, reply: Reply, context: AnswerContext, done: boolean) {
  const cut = done && reply.finish === "length";
  return {
    id: `resp_${context.id}`,
    object: "response",
    created_at: context.createdAtS,
    status: cut ? "incomplete" : done ? "completed" : "in_progress",
    error: null,
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    instructions: null,
    max_output_tokens: ask.outputTokensMax,
    model: ask.model,
    output: done ? [itemOf(reply, context, true)] : [],
    parallel_tool_calls: true,
    metadata: {},
    temperature: 1,
    top_p: 1,
    tool_choice: "auto",
    tools: [],
    usage: done ? usageOf(reply, context) : null,
  };
}

function* contentEvents(
  reply: Reply,
  context: AnswerContext,
): Generator<{ event: object; content: boolean }> {
  const place = {
    item_id: reply.toolCall === null ? `msg_${context.id}` : `fc_${context.id}`,
    output_index: 0,
  };
  if (reply.toolCall !== null) {
    for (const delta of piecesOf(reply.toolCall.argumentsJson, context)) {
      yield { event: { type: "response.function_call_arguments.delta", ...place, delta }, content: true };
    }
    const { name, argumentsJson } = reply.toolCall;
    yield {
      event: { type: "response.function_call_arguments.done", ...place, name, arguments: argumentsJson },
      content: false,
    };
    return;
  }
  const at = { ...place, content_index: 0 };
  const part = { type: "output_text", text: "", annotations: [], logprobs: [] };
  yield { event: { type: "response.content_part.added", ...at, part }, content: false };
  for (const delta of piecesOf(reply.text, context)) {
    yield { event: { type: "response.output_text.delta", ...at, delta, logprobs: [] }, content: true };
  }
  yield {
    event: { type: "response.output_text.done", ...at, text: reply.text, logprobs: [] },
    content: false,
  };
  yield {
    event: { type: "response.content_part.done", ...at, part: { ...part, text: reply.text } },
    content: false,
  };
}

function* events(
  ask: Ask,
  reply: Reply,
  context: AnswerContext,
): Generator<{ event: object; content: boolean }> {
  const begun = responseOf(ask, reply, context, false);
  yield { event: { type: "response.created", response: begun }, content: false };
  yield { event: { type: "response.in_progress", response: begun }, content: false };
  const item = (done: boolean) => ({ output_index: 0, item: itemOf(reply, context, done) });
  yield { event: { type: "response.output_item.added", ...item(false) }, content: false };
  yield* contentEvents(reply, context);
  yield { event: { type: "response.output_item.done", ...item(true) }, content: false };
  const type = reply.finish === "length" ? "response.incomplete" : "response.completed";
  yield { event: { type, response: responseOf(ask, reply, context, true) }, content: false };
}

function* frames(ask: Ask, reply: Reply, context: AnswerContext): Generator<Frame> {
  let sequence = 0;
  for (const { event, content } of events(ask, reply, context)) {
    const numbered = { ...event, sequence_number: sequence };
    sequence += 1;
    const type = "type" in event ? String(event.type) : "";
    yield { data: `event: ${type}\ndata: ${JSON.stringify(numbered)}\n\n`, content };
  }
}

function forcedTool(choice: Body["tool_choice"]): Ask["toolForced"] {
  if (choice === "required") return "any";
  return typeof choice === "object" && choice?.name !== undefined ? { name: choice.name } : null;
}

function jsonAsked(body: Body): Ask["json"] {
  const format = body.text?.format;
  if (format?.type === "json_object") return { schema: undefined };
  return format?.type === "json_schema" ? { schema: format.schema } : null;
}

export const openaiResponses: Dialect = {
  frames,
  streamType: "text/event-stream; charset=utf-8",
  read(value) {
    const parsed = Body.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const body = parsed.data;
    const model = findModel(body.model);
    if (model === null || model === "embed") return modelNotFound(body.model);
    const tools = body.tools ?? [];
    const items = typeof body.input === "string" ? [{ role: "user", content: body.input }] : body.input;
    const words = items.map((item) => ("output" in item ? (item.output ?? item.content) : item.content));
    const lastAt = items.findLastIndex(
      (item) => item.role === "user" || ("type" in item && item.type === "function_call_output"),
    );
    const first = messageTokens(body.instructions ?? "") + toolTokens(tools);
    return {
      model,
      stream: body.stream ?? false,
      lastText: textOf(words[lastAt]),
      inputTokens: words.reduce((sum, word) => sum + messageTokens(word), first),
      outputTokensMax: body.max_output_tokens ?? null,
      choices: 1,
      tools: tools.flatMap((tool) =>
        tool.type === "function" && tool.name !== undefined ? [tool.name] : [],
      ),
      toolForced: forcedTool(body.tool_choice),
      json: jsonAsked(body),
      writesCache: false,
      includeUsage: true,
    };
  },
  whole(ask, reply, context) {
    return responseOf(ask, reply, context, true);
  },
};
