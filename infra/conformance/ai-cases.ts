/** The `ai` package with the providers of OpenAI, Anthropic and Google. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import {
  embedMany,
  generateImage,
  generateSpeech,
  generateText,
  jsonSchema,
  type LanguageModel,
  Output,
  streamText,
  tool,
  transcribe,
} from "ai";
import {
  CALL,
  type Case,
  casesOf,
  collect,
  EMBED,
  LIMITED,
  MODEL,
  type Place,
  PNG,
  raised,
  SCHEMA,
  TEXT,
  TOOL_SCHEMA,
} from "./case.ts";

type Headers = Record<string, string>;
const openai = ({ url, key }: Place) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
const anthropic = ({ url, key }: Place) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
const google = ({ url, key }: Place) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key });

const asks = {
  text: { prompt: TEXT },
  tools: {
    prompt: CALL,
    tools: { weather: tool({ description: "weather", inputSchema: jsonSchema({ ...TOOL_SCHEMA }) }) },
  },
  "image in the prompt": {
    messages: [
      {
        role: "user" as const,
        content: [
          { type: "text" as const, text: TEXT },
          { type: "image" as const, image: PNG, mediaType: "image/png" },
        ],
      },
    ],
  },
  "JSON output": { prompt: TEXT, output: Output.object({ schema: jsonSchema({ ...SCHEMA }) }) },
};
const features = Object.keys(asks) as (keyof typeof asks)[];

const common = { maxRetries: 0, maxOutputTokens: 200 } as const;

async function whole(model: LanguageModel, feature: keyof typeof asks, headers: Headers = {}) {
  const { text, toolCalls, finishReason, usage, output } = await (
    generateText as (ask: object) => Promise<never>
  )({
    ...{ ...common, ...asks[feature], model, headers },
  }).then((answer: Awaited<ReturnType<typeof generateText>>) => ({
    text: answer.text,
    toolCalls: answer.toolCalls.map(({ toolName, input }) => ({ toolName, input })),
    finishReason: answer.finishReason,
    usage: answer.usage,
    output: feature === "JSON output" ? answer.output : null,
  }));
  return { text, toolCalls, finishReason, usage, output };
}

async function streamed(model: LanguageModel, feature: keyof typeof asks, headers: Headers = {}) {
  let failed: unknown;
  const onError = ({ error }: { error: unknown }) => {
    failed = error;
  };
  const answer = (streamText as (ask: object) => ReturnType<typeof streamText>)({
    ...{ ...common, ...asks[feature], model, headers, onError },
  });
  const parts = await collect(answer.fullStream);
  if (failed !== undefined) throw failed;
  const calls = (await answer.toolCalls).map(({ toolName, input }) => ({ toolName, input }));
  const kinds = parts.map(({ type }) => type);
  return { kinds, text: await answer.text, calls, usage: await answer.usage, end: await answer.finishReason };
}

interface Client {
  readonly name: string;
  readonly surfaces: readonly [whole: Case["surface"], streamed: Case["surface"]];
  readonly model: (place: Place, name: string) => LanguageModel;
}

const clients: readonly Client[] = [
  {
    name: "ai + @ai-sdk/openai",
    surfaces: ["responses", "responses"],
    model: (place, name) => openai(place).responses(name),
  },
  {
    name: "ai + @ai-sdk/openai",
    surfaces: ["chat.completions", "chat.completions"],
    model: (place, name) => openai(place).chat(name),
  },
  {
    name: "ai + @ai-sdk/anthropic",
    surfaces: ["messages", "messages"],
    model: (place, name) => anthropic(place)(name),
  },
  {
    name: "ai + @ai-sdk/google",
    surfaces: ["generateContent", "streamGenerateContent"],
    model: (place, name) => google(place)(`models/${name}`),
  },
];

function errorsOf(client: Client, ask: typeof whole | typeof streamed) {
  return async (place: Place) => ({
    unknownModel: await raised(() => ask(client.model(place, "sandbox/nothing"), "text")),
    wrongKey: await raised(() => ask(client.model({ ...place, key: "bad-key" }, MODEL), "text")),
    limited: await raised(() => ask(client.model(place, MODEL), "text", LIMITED)),
  });
}

const texts: Case[] = clients.flatMap((client) => {
  const [first, second] = client.surfaces.map((surface) => casesOf(client.name, surface));
  if (first === undefined || second === undefined) throw new Error("a client has two surfaces");
  return [
    ...features.flatMap((feature) => [
      first(feature, false, (place) => whole(client.model(place, MODEL), feature)),
      second(feature, true, (place) => streamed(client.model(place, MODEL), feature)),
    ]),
    first("errors", false, errorsOf(client, whole)),
    second("errors", true, errorsOf(client, streamed)),
  ];
});

const OPENAI = "ai + @ai-sdk/openai";

export const aiCases: readonly Case[] = [
  ...texts,
  casesOf(OPENAI, "completions")("text", false, (place) => whole(openai(place).completion(MODEL), "text")),
  casesOf(OPENAI, "completions")("text", true, (place) => streamed(openai(place).completion(MODEL), "text")),
  casesOf(OPENAI, "embeddings")("text", false, async (place) => {
    const answer = await embedMany({ model: openai(place).embedding(EMBED), values: [TEXT, "b"] });
    return [answer.embeddings, answer.usage];
  }),
  casesOf("ai + @ai-sdk/google", "batchEmbedContents")("text", false, async (place) => {
    const model = google(place).embedding(EMBED);
    return (await embedMany({ model, values: [TEXT, "b"] })).embeddings;
  }),
  casesOf(OPENAI, "images.generations")(
    "text",
    false,
    async (place) => (await generateImage({ model: openai(place).image(MODEL), prompt: TEXT })).image.base64,
  ),
  casesOf(OPENAI, "audio.transcriptions")("text", false, async (place) => {
    const audio = Buffer.alloc(5_000, "RIFF....WAVE");
    return (await transcribe({ model: openai(place).transcription(MODEL), audio })).text;
  }),
  casesOf(OPENAI, "audio.speech")(
    "text",
    false,
    async (place) => (await generateSpeech({ model: openai(place).speech(MODEL), text: TEXT })).audio.base64,
  ),
];
