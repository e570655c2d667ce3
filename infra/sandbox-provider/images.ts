/** `POST /v1/images/{generations,edits,variations}`: the same words always make the same picture. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { issueText } from "./content.ts";
import { type Ask, type Dialect, type Frame, invalid, modelNotFound, type Reply } from "./dialect.ts";
import { embeddingAsk } from "./embeddings.ts";
import { findModel } from "./prices.ts";
import type { Steering } from "./steering.ts";
import { tokenCount } from "./text.ts";

const IMAGE_TOKENS = 64;

const Body = z.looseObject({
  model: z.string(),
  prompt: z.string().optional(),
  n: z.coerce.number().int().min(1).max(10).nullish(),
  image: z.instanceof(File).optional(),
  "image[]": z.instanceof(File).optional(),
  stream: z.union([z.boolean(), z.stringbool()]).nullish(),
});

interface ImageAsk extends Ask {
  readonly pictures: number;
}

function usageOf(ask: Ask, reply: Reply, steering: Steering) {
  if (steering.omitUsage === true) return undefined;
  const image = "pictures" in ask ? Number(ask.pictures) * IMAGE_TOKENS : 0;
  return {
    input_tokens: reply.inputTokens,
    input_tokens_details: {
      text_tokens: reply.inputTokens - image,
      image_tokens: image,
      cached_tokens: reply.tokens.cached,
    },
    output_tokens: reply.tokens.output,
    total_tokens: reply.inputTokens + reply.tokens.output,
  };
}

function picture(ask: Ask, index: number): string {
  return createHash("sha256").update(`${index}:${ask.lastText}`).digest("base64");
}

function* frames(ask: Ask, reply: Reply, context: Parameters<Dialect["frames"]>[2]): Generator<Frame> {
  const event = (type: string, more: object, content: boolean): Frame => ({
    data: `event: ${type}\ndata: ${JSON.stringify({ type, ...more, created_at: context.createdAtS })}\n\n`,
    content,
  });
  yield event("image_generation.partial_image", { b64_json: picture(ask, 1), partial_image_index: 0 }, true);
  const usage = usageOf(ask, reply, context.steering);
  yield event("image_generation.completed", { b64_json: picture(ask, 0), usage }, true);
}

export const openaiImages: Dialect = {
  frames,
  streamType: "text/event-stream; charset=utf-8",
  read(value) {
    const parsed = Body.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const { model: named, prompt = "", n, stream } = parsed.data;
    const model = findModel(named);
    if (model === null || model === "embed") return modelNotFound(named);
    const files = [parsed.data.image, parsed.data["image[]"]].filter((file) => file !== undefined);
    const ask: ImageAsk = {
      ...embeddingAsk(tokenCount(prompt) + files.length * IMAGE_TOKENS),
      model,
      stream: stream ?? false,
      lastText: prompt === "" ? files.map((file) => file.name).join() : prompt,
      outputTokensMax: IMAGE_TOKENS,
      choices: n ?? 1,
      pictures: files.length,
    };
    return ask;
  },
  whole(ask, reply, context) {
    return {
      created: context.createdAtS,
      data: Array.from({ length: ask.choices }, (_, index) => ({ b64_json: picture(ask, index) })),
      usage: usageOf(ask, reply, context.steering),
    };
  },
};
