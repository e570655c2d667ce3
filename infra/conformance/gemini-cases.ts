/** The official Google client on Gemini's surfaces. */
import { FunctionCallingConfigMode, type GenerateContentConfig, GoogleGenAI } from "@google/genai";
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

const CLIENT = "@google/genai";
const at = ({ url, key }: Place, headers: Record<string, string> = {}) =>
  new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, headers } });

interface Ask {
  readonly contents: Parameters<GoogleGenAI["models"]["generateContent"]>[0]["contents"];
  readonly config?: GenerateContentConfig;
}

const tools = [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: TOOL_SCHEMA }] }];
const asks: Record<"text" | "tools" | "image in the prompt" | "JSON output", Ask> = {
  text: { contents: TEXT },
  tools: {
    contents: CALL,
    config: { tools, toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } } },
  },
  "image in the prompt": {
    contents: [
      { role: "user", parts: [{ text: TEXT }, { inlineData: { mimeType: "image/png", data: PNG } }] },
    ],
  },
  "JSON output": {
    contents: TEXT,
    config: { responseMimeType: "application/json", responseJsonSchema: SCHEMA },
  },
};
const features = Object.keys(asks) as (keyof typeof asks)[];
const whole = casesOf(CLIENT, "generateContent");
const streamed = casesOf(CLIENT, "streamGenerateContent");

/** What it made of the answer, without the response's own headers. */
const bare = (answer: object) => ({ ...answer, sdkHttpResponse: undefined });

function errorsOf(create: (client: GoogleGenAI, model: string) => Promise<unknown>) {
  return async (place: Place) => ({
    unknownModel: await raised(() => create(at(place), "sandbox/nothing")),
    wrongKey: await raised(() => create(at({ ...place, key: "bad-key" }), MODEL)),
    limited: await raised(() => create(at(place, LIMITED), MODEL)),
    steered: await raised(() => create(at(place, { "x-sandbox": '{"status":422}' }), MODEL)),
  });
}

/** Without `alt=sse` a stream is one list, which no client asks for but which people do by hand. */
async function asList({ url, key }: Place): Promise<unknown> {
  const answer = await fetch(`${url}/v1beta/models/${MODEL}:streamGenerateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": key, "content-type": "application/json" },
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: TEXT }] }] }),
  });
  return [answer.status, answer.headers.get("content-type"), await answer.json()];
}

export const geminiCases: readonly Case[] = [
  ...features.flatMap((feature) => [
    whole(feature, false, async (place) =>
      bare(await at(place).models.generateContent({ ...asks[feature], model: MODEL })),
    ),
    streamed(feature, true, async (place) => {
      const stream = await at(place).models.generateContentStream({ ...asks[feature], model: MODEL });
      return (await collect(stream)).map(bare);
    }),
  ]),
  casesOf("by hand", "streamGenerateContent")("text", true, asList),
  casesOf("by hand", "embedContent")("text", false, async ({ url, key }) => {
    const answer = await fetch(`${url}/v1beta/models/${EMBED}:embedContent`, {
      method: "POST",
      headers: { "x-goog-api-key": key, "content-type": "application/json" },
      body: JSON.stringify({ model: `models/${EMBED}`, content: { parts: [{ text: TEXT }] } }),
    });
    return [answer.status, await answer.json()];
  }),
  casesOf(CLIENT, "batchEmbedContents")("text", false, async (place) =>
    bare(await at(place).models.embedContent({ model: EMBED, contents: [TEXT, "b"] })),
  ),
  casesOf(CLIENT, "countTokens")("text", false, async (place) =>
    bare(await at(place).models.countTokens({ model: MODEL, contents: TEXT })),
  ),
  casesOf(CLIENT, "models")("text", false, async (place) =>
    named((await collect(await at(place).models.list())).map(({ name }) => name)),
  ),
  whole(
    "errors",
    false,
    errorsOf((client, model) => client.models.generateContent({ ...asks.text, model })),
  ),
  streamed(
    "errors",
    true,
    errorsOf(async (client, model) =>
      collect(await client.models.generateContentStream({ ...asks.text, model })),
    ),
  ),
  casesOf(CLIENT, "batchEmbedContents")(
    "errors",
    false,
    errorsOf((client, model) =>
      client.models.embedContent({ model: model === MODEL ? EMBED : model, contents: TEXT }),
    ),
  ),
];
