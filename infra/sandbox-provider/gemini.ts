/** Gemini's `generateContent`, `streamGenerateContent` (SSE with `alt=sse`, else one JSON array) and `embedContent`. */
import * as z from "zod";
import { issueText, messageTokens, textOf, toolTokens } from "./content.ts";
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

/** One turn of a conversation. */
export const Turn = z.looseObject({ role: z.string().optional(), parts: z.array(z.looseObject({})).min(1) });
const Body = z.looseObject({
  contents: z.array(Turn).min(1),
  systemInstruction: Turn.optional(),
  tools: z
    .array(z.looseObject({ functionDeclarations: z.array(z.looseObject({ name: z.string() })).optional() }))
    .optional(),
  toolConfig: z
    .looseObject({
      functionCallingConfig: z
        .looseObject({ mode: z.string().optional(), allowedFunctionNames: z.array(z.string()).optional() })
        .optional(),
    })
    .optional(),
  generationConfig: z
    .looseObject({
      maxOutputTokens: z.int().min(1).optional(),
      candidateCount: z.int().min(1).max(8).optional(),
      responseMimeType: z.string().optional(),
      responseSchema: z.unknown().optional(),
    })
    .optional(),
});
type Body = z.infer<typeof Body>;
interface GeminiAsk extends Ask {
  readonly sse: boolean;
}

function usageOf(reply: Reply, context: AnswerContext) {
  if (context.steering.omitUsage === true) return undefined;
  return {
    promptTokenCount: reply.inputTokens,
    cachedContentTokenCount: reply.tokens.cached,
    candidatesTokenCount: reply.tokens.output - reply.reasoningTokens,
    thoughtsTokenCount: reply.reasoningTokens,
    totalTokenCount: reply.inputTokens + reply.tokens.output,
  };
}

function partOf(reply: Reply, text: string) {
  if (reply.toolCall === null) return { text };
  return { functionCall: { name: reply.toolCall.name, args: JSON.parse(reply.toolCall.argumentsJson) } };
}

function answer(ask: Ask, reply: Reply, context: AnswerContext, text: string, last: boolean) {
  const finish = last ? { finishReason: reply.finish === "length" ? "MAX_TOKENS" : "STOP" } : {};
  return {
    candidates: Array.from({ length: ask.choices }, (_, index) => ({
      content: { parts: [partOf(reply, text)], role: "model" },
      ...finish,
      index,
    })),
    usageMetadata: usageOf(reply, context),
    modelVersion: ask.model,
    responseId: context.id,
  };
}

function* frames(ask: Ask, reply: Reply, context: AnswerContext): Generator<Frame> {
  const sse = "sse" in ask && ask.sse === true;
  const pieces = reply.toolCall === null ? piecesOf(reply.text, context) : [""];
  for (const [index, piece] of pieces.entries()) {
    const last = index === pieces.length - 1;
    const json = JSON.stringify(answer(ask, reply, context, piece, last));
    const data = sse ? `data: ${json}\r\n\r\n` : `${index === 0 ? "[" : ",\r\n"}${json}${last ? "]" : ""}`;
    yield { data, content: true };
  }
}

function forcedTool(body: Body): Ask["toolForced"] {
  const config = body.toolConfig?.functionCallingConfig;
  if (config?.mode !== "ANY") return null;
  const name = config.allowedFunctionNames?.[0];
  return name === undefined ? "any" : { name };
}

export const geminiGenerate: Dialect = {
  frames,
  streamType: "text/event-stream",
  read(value, path) {
    const parsed = Body.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const body = parsed.data;
    const model = findModel(path.model ?? "");
    if (model === null || model === "embed") return modelNotFound(path.model ?? "");
    const tools = body.tools?.flatMap((tool) => tool.functionDeclarations ?? []) ?? [];
    const config = body.generationConfig;
    const system = body.systemInstruction === undefined ? 0 : messageTokens(body.systemInstruction.parts);
    const ask: GeminiAsk = {
      model,
      stream: path.stream ?? false,
      sse: path.sse ?? false,
      lastText: textOf(body.contents.findLast((turn) => turn.role !== "model")?.parts),
      inputTokens: body.contents.reduce(
        (sum, turn) => sum + messageTokens(turn.parts),
        system + toolTokens(tools),
      ),
      outputTokensMax: config?.maxOutputTokens ?? null,
      choices: config?.candidateCount ?? 1,
      tools: tools.map((tool) => tool.name),
      toolForced: forcedTool(body),
      json: config?.responseMimeType === "application/json" ? { schema: config.responseSchema } : null,
      writesCache: false,
      includeUsage: true,
    };
    return ask;
  },
  whole(ask, reply, context) {
    return answer(ask, reply, context, reply.text, true);
  },
};
