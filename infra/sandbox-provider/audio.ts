/** `POST /v1/audio/{transcriptions,translations,speech}`: it hears a file's name and size, and speaks a hash. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { issueText } from "./content.ts";
import {
  type AnswerContext,
  type Ask,
  type Dialect,
  type Frame,
  invalid,
  modelNotFound,
  type Reply,
} from "./dialect.ts";
import { embeddingAsk } from "./embeddings.ts";
import { piecesOf } from "./openai-chat.ts";
import { findModel } from "./prices.ts";
import { tokenCount } from "./text.ts";

const BYTES_PER_TOKEN = 64;

const Form = z.looseObject({
  model: z.string(),
  file: z.instanceof(File),
  response_format: z.enum(["json", "text", "srt", "vtt", "verbose_json"]).nullish(),
  stream: z.stringbool().nullish(),
});

interface HeardAsk extends Ask {
  readonly format: string;
}

function transcriptUsage(reply: Reply, context: AnswerContext) {
  if (context.steering.omitUsage === true) return undefined;
  return {
    type: "tokens",
    input_tokens: reply.inputTokens,
    input_token_details: { text_tokens: 0, audio_tokens: reply.inputTokens },
    output_tokens: reply.tokens.output,
    total_tokens: reply.inputTokens + reply.tokens.output,
  };
}

function* heard(_ask: Ask, reply: Reply, context: AnswerContext): Generator<Frame> {
  const event = (data: object, content: boolean): Frame => ({
    data: `data: ${JSON.stringify(data)}\n\n`,
    content,
  });
  for (const delta of piecesOf(reply.text, context))
    yield event({ type: "transcript.text.delta", delta }, true);
  const usage = transcriptUsage(reply, context);
  yield event({ type: "transcript.text.done", text: reply.text, usage }, false);
}

export const openaiTranscripts: Dialect = {
  frames: heard,
  streamType: "text/event-stream; charset=utf-8",
  read(value) {
    const parsed = Form.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const { model: named, file, response_format: format, stream } = parsed.data;
    const model = findModel(named);
    if (model === null || model === "embed") return modelNotFound(named);
    const ask: HeardAsk = {
      ...embeddingAsk(Math.ceil(file.size / BYTES_PER_TOKEN)),
      model,
      stream: stream ?? false,
      lastText: `${file.size} bytes of ${file.name}, wörd for wörd 🗝`,
      outputTokensMax: null,
      format: format ?? "json",
    };
    return ask;
  },
  whole(ask, reply, context) {
    const text = { text: reply.text, usage: transcriptUsage(reply, context) };
    const long = { task: "transcribe", language: "english", duration: 1, segments: [], words: [] };
    return "format" in ask && ask.format === "verbose_json" ? { ...long, ...text } : text;
  },
  raw(ask, reply) {
    if (!("format" in ask) || ask.format === "json" || ask.format === "verbose_json") return null;
    return { type: "text/plain; charset=utf-8", body: Buffer.from(`${reply.text}\n`) };
  },
};

const Words = z.looseObject({ model: z.string(), input: z.string(), voice: z.unknown() });

export const openaiSpeech: Dialect = {
  streamType: "text/event-stream; charset=utf-8",
  read(value) {
    const parsed = Words.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const model = findModel(parsed.data.model);
    if (model === null || model === "embed") return modelNotFound(parsed.data.model);
    const { input } = parsed.data;
    return { ...embeddingAsk(tokenCount(input)), model, lastText: input, outputTokensMax: null };
  },
  raw(ask) {
    const sound = createHash("sha256").update(ask.lastText).digest();
    return { type: "audio/mpeg", body: Buffer.concat(Array<Buffer>(256).fill(sound)) };
  },
  whole() {
    throw new Error("speech is no JSON");
  },
  frames() {
    throw new Error("speech is never streamed as events");
  },
};
