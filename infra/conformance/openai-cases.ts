/** The official OpenAI client on OpenAI's surfaces. */
import OpenAI, { toFile } from "openai";
import {
  CALL,
  type Case,
  casesOf,
  collect,
  EMBED,
  LIMITED,
  MODEL,
  named,
  type Place,
  PNG,
  raised,
  SCHEMA,
  TEXT,
  TOOL_SCHEMA,
} from "./case.ts";

const at = ({ url, key }: Place) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const image = `data:image/png;base64,${PNG}`;
const picture = () => toFile(Buffer.from(PNG, "base64"), "pïxel.png", { type: "image/png" });
const sound = () => toFile(Buffer.alloc(70_000, "--x\r\n--"), "spéech.wav", { type: "audio/wav" });

type ChatAsk = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "model" | "stream">;
const chatAsks: Record<"text" | "tools" | "image in the prompt" | "JSON output", ChatAsk> = {
  text: { messages: [{ role: "user", content: TEXT }] },
  tools: {
    messages: [{ role: "user", content: CALL }],
    tools: [{ type: "function", function: { name: "weather", parameters: TOOL_SCHEMA } }],
  },
  "image in the prompt": {
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: TEXT },
          { type: "image_url", image_url: { url: image } },
        ],
      },
    ],
  },
  "JSON output": {
    messages: [{ role: "user", content: TEXT }],
    response_format: { type: "json_schema", json_schema: { name: "s", schema: SCHEMA, strict: true } },
  },
};

type ResponsesAsk = Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, "model" | "stream">;
const responsesAsks: Record<keyof typeof chatAsks, ResponsesAsk> = {
  text: { input: TEXT },
  tools: {
    input: CALL,
    tools: [{ type: "function", name: "weather", parameters: TOOL_SCHEMA, strict: false }],
  },
  "image in the prompt": {
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: TEXT },
          { type: "input_image", image_url: image, detail: "auto" },
        ],
      },
    ],
  },
  "JSON output": { input: TEXT, text: { format: { type: "json_schema", name: "s", schema: SCHEMA } } },
};

const features = Object.keys(chatAsks) as (keyof typeof chatAsks)[];
const chat = casesOf("openai", "chat.completions");
const responses = casesOf("openai", "responses");

const chatCases: Case[] = features.flatMap((feature) => [
  chat(feature, false, (place) => at(place).chat.completions.create({ ...chatAsks[feature], model: MODEL })),
  chat(feature, true, async (place) => {
    const stream = { ...chatAsks[feature], model: MODEL, stream: true } as const;
    const quiet = await collect(await at(place).chat.completions.create(stream));
    const telling = { ...stream, stream_options: { include_usage: true } };
    return { quiet, telling: await collect(await at(place).chat.completions.create(telling)) };
  }),
]);

const responsesCases: Case[] = features.flatMap((feature) => [
  responses(feature, false, (place) =>
    at(place).responses.create({ ...responsesAsks[feature], model: MODEL }),
  ),
  responses(feature, true, async (place) =>
    collect(await at(place).responses.create({ ...responsesAsks[feature], model: MODEL, stream: true })),
  ),
]);

function errorsOf(create: (client: OpenAI, model: string, options?: object) => Promise<unknown>) {
  return async (place: Place) => ({
    unknownModel: await raised(() => create(at(place), "sandbox/nothing")),
    wrongKey: await raised(() => create(at({ ...place, key: "bad-key" }), MODEL)),
    limited: await raised(() => create(at(place), MODEL, { headers: LIMITED })),
    steered: await raised(() => create(at(place), MODEL, { headers: { "x-sandbox": '{"status":422}' } })),
  });
}

const errors: Case[] = [
  chat(
    "errors",
    false,
    errorsOf((client, model, options) =>
      client.chat.completions.create({ ...chatAsks.text, model }, options),
    ),
  ),
  chat(
    "errors",
    true,
    errorsOf((client, model, options) =>
      client.chat.completions.create({ ...chatAsks.text, model, stream: true }, options),
    ),
  ),
  responses(
    "errors",
    false,
    errorsOf((client, model, options) => client.responses.create({ input: TEXT, model }, options)),
  ),
  responses(
    "errors",
    true,
    errorsOf((client, model, options) =>
      client.responses.create({ input: TEXT, model, stream: true }, options),
    ),
  ),
  casesOf("openai", "embeddings")(
    "errors",
    false,
    errorsOf((client, model, options) =>
      client.embeddings.create({ input: TEXT, model: model === MODEL ? EMBED : model }, options),
    ),
  ),
  casesOf("openai", "images.generations")(
    "errors",
    false,
    errorsOf((client, model, options) => client.images.generate({ prompt: TEXT, model }, options)),
  ),
  casesOf("openai", "audio.transcriptions")(
    "errors",
    false,
    errorsOf(async (client, model, options) =>
      client.audio.transcriptions.create({ file: await sound(), model }, options),
    ),
  ),
  casesOf("openai", "audio.speech")(
    "errors",
    false,
    errorsOf((client, model, options) =>
      client.audio.speech.create({ input: TEXT, voice: "alloy", model }, options),
    ),
  ),
];

const others: Case[] = [
  casesOf("openai", "completions")("text", false, (place) =>
    at(place).completions.create({ model: MODEL, prompt: TEXT }),
  ),
  casesOf("openai", "completions")("text", true, async (place) =>
    collect(await at(place).completions.create({ model: MODEL, prompt: TEXT, stream: true })),
  ),
  casesOf("openai", "embeddings")("text", false, async (place) => ({
    base64: await at(place).embeddings.create({ model: EMBED, input: [TEXT, "b"] }),
    float: await at(place).embeddings.create({ model: EMBED, input: TEXT, encoding_format: "float" }),
  })),
  casesOf("openai", "moderations")("text", false, (place) =>
    at(place).moderations.create({ model: MODEL, input: TEXT }),
  ),
  casesOf("openai", "models")("text", false, async (place) =>
    named((await collect(at(place).models.list())).map(({ id }) => id)),
  ),
];

const media: Case[] = [
  casesOf("openai", "images.generations")("text", false, (place) =>
    at(place).images.generate({ model: MODEL, prompt: TEXT, n: 2 }),
  ),
  casesOf("openai", "images.generations")("text", true, async (place) =>
    collect(await at(place).images.generate({ model: MODEL, prompt: TEXT, stream: true })),
  ),
  casesOf("openai", "images.edits")("image in the prompt", false, async (place) =>
    at(place).images.edit({ model: MODEL, prompt: TEXT, image: await picture() }),
  ),
  casesOf("openai", "images.edits")("image in the prompt", true, async (place) =>
    collect(
      await at(place).images.edit({ model: MODEL, prompt: TEXT, image: await picture(), stream: true }),
    ),
  ),
  casesOf("openai", "images.variations")("image in the prompt", false, async (place) =>
    at(place).images.createVariation({ model: MODEL, image: await picture(), n: 2 }),
  ),
  casesOf("openai", "audio.transcriptions")("text", false, async (place) =>
    at(place).audio.transcriptions.create({ model: MODEL, file: await sound() }),
  ),
  casesOf("openai", "audio.transcriptions")(
    "text",
    false,
    async (place) =>
      at(place).audio.transcriptions.create({ model: MODEL, file: await sound(), response_format: "text" }),
    true,
  ),
  casesOf("openai", "audio.transcriptions")("text", true, async (place) =>
    collect(await at(place).audio.transcriptions.create({ model: MODEL, file: await sound(), stream: true })),
  ),
  casesOf("openai", "audio.translations")("text", false, async (place) =>
    at(place).audio.translations.create({ model: MODEL, file: await sound() }),
  ),
  casesOf("openai", "audio.speech")("text", false, async (place) => {
    const answer = await at(place).audio.speech.create({ model: MODEL, input: TEXT, voice: "alloy" });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return [answer.headers.get("content-type"), bytes.toString("base64")];
  }),
];

export const openaiCases: readonly Case[] = [...chatCases, ...responsesCases, ...others, ...media, ...errors];
