/** `POST /v1/completions`, the older text endpoint of the OpenAI API. */
import * as z from "zod";
import { issueText, messageTokens } from "./content.ts";
import {
  type AnswerContext,
  type Ask,
  type Dialect,
  type Frame,
  invalid,
  modelNotFound,
  type Reply,
} from "./dialect.ts";
import { openaiUsage, piecesOf } from "./openai-chat.ts";
import { findModel } from "./prices.ts";

const MAX_TOKENS_DEFAULT = 16;

const Body = z.looseObject({
  model: z.string(),
  prompt: z.union([z.string(), z.array(z.string())]),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(0).nullish(),
  n: z.int().min(1).max(128).nullish(),
});

function body(ask: Ask, context: AnswerContext, choices: unknown[], usage: unknown) {
  return {
    id: `cmpl-${context.id}`,
    object: "text_completion",
    created: context.createdAtS,
    model: ask.model,
    choices,
    usage,
  };
}

function choicesOf(ask: Ask, text: string, finish: string | null) {
  return Array.from({ length: ask.choices }, (_, index) => ({
    text,
    index,
    logprobs: null,
    finish_reason: finish,
  }));
}

function* frames(ask: Ask, reply: Reply, context: AnswerContext): Generator<Frame> {
  const usage = openaiUsage(reply, context);
  const meanwhile = ask.includeUsage ? null : undefined;
  const line = (choices: unknown[], of: unknown) =>
    `data: ${JSON.stringify(body(ask, context, choices, of))}\n\n`;
  for (const piece of piecesOf(reply.text, context))
    yield { data: line(choicesOf(ask, piece, null), meanwhile), content: true };
  yield { data: line(choicesOf(ask, "", reply.finish), meanwhile), content: false };
  if (ask.includeUsage && usage !== undefined) yield { data: line([], usage), content: false };
  yield { data: "data: [DONE]\n\n", content: false };
}

export const openaiCompletions: Dialect = {
  frames,
  streamType: "text/event-stream; charset=utf-8",
  read(value) {
    const parsed = Body.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const model = findModel(parsed.data.model);
    if (model === null || model === "embed") return modelNotFound(parsed.data.model);
    const prompt = Array.isArray(parsed.data.prompt) ? parsed.data.prompt.join("\n") : parsed.data.prompt;
    return {
      model,
      stream: parsed.data.stream ?? false,
      lastText: prompt,
      inputTokens: messageTokens(prompt),
      outputTokensMax: parsed.data.max_tokens ?? MAX_TOKENS_DEFAULT,
      choices: parsed.data.n ?? 1,
      tools: [],
      toolForced: null,
      json: null,
      writesCache: false,
      includeUsage: parsed.data.stream_options?.include_usage ?? false,
    };
  },
  whole(ask, reply, context) {
    return body(ask, context, choicesOf(ask, reply.text, reply.finish), openaiUsage(reply, context));
  },
};
