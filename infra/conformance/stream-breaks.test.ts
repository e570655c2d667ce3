import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { startGateway, type TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { GoogleGenAI } from "@google/genai";
import { type LanguageModel, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../sandbox-provider/create-sandbox.ts";

/** The provider breaks off in the midst of its stream; each client's own way of reading has to raise. */
const headers = { "x-sandbox": JSON.stringify({ chunks: 8, failAfterChunks: 3 }) };
const MODEL = "story";
const TEXT = "tell";

let sandbox: Sandbox;
let gateway: TestGateway;
let place: { url: string; key: string };
beforeAll(async () => {
  sandbox = await createSandbox();
  gateway = await startGateway(sandbox);
  place = { url: gateway.url, key: gateway.table.addKey().secret };
});
afterAll(async () => {
  await gateway?.stop();
  await sandbox?.close();
});

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

const openai = () =>
  new OpenAI({ baseURL: `${place.url}/v1`, apiKey: place.key, maxRetries: 0, defaultHeaders: headers });
const messages = [{ role: "user" as const, content: TEXT }];

/** `ai` tells errors on the side, so that they are not lost in a stream that nobody reads to its end. */
async function byAi(model: LanguageModel): Promise<void> {
  let told: unknown;
  const { textStream } = streamText({
    ...{ model, prompt: TEXT, maxRetries: 0, maxOutputTokens: 96 },
    onError: ({ error }) => {
      told = error;
    },
  });
  await readAll(textStream);
  if (told !== undefined) throw told;
}

const at = () => ({ baseURL: `${place.url}/v1`, apiKey: place.key, headers });
const clients: [string, () => Promise<void>][] = [
  [
    "openai, chat completions",
    async () => readAll(await openai().chat.completions.create({ model: MODEL, messages, stream: true })),
  ],
  [
    "openai, completions",
    async () => readAll(await openai().completions.create({ model: MODEL, prompt: TEXT, stream: true })),
  ],
  [
    "openai, responses",
    async () => readAll(await openai().responses.create({ model: MODEL, input: TEXT, stream: true })),
  ],
  [
    "anthropic",
    async () => {
      const client = new Anthropic({
        ...{ baseURL: place.url, apiKey: place.key, maxRetries: 0, defaultHeaders: headers },
      });
      await client.messages.stream({ model: MODEL, max_tokens: 96, messages }).finalMessage();
    },
  ],
  [
    "google",
    async () => {
      const client = new GoogleGenAI({ apiKey: place.key, httpOptions: { baseUrl: place.url, headers } });
      await readAll(await client.models.generateContentStream({ model: MODEL, contents: TEXT }));
    },
  ],
  ["ai, chat completions", () => byAi(createOpenAI(at()).chat(MODEL))],
  ["ai, responses", () => byAi(createOpenAI(at()).responses(MODEL))],
  ["ai, anthropic", () => byAi(createAnthropic(at())(MODEL))],
  ["ai, google", () => byAi(createGoogleGenerativeAI({ ...at(), baseURL: `${place.url}/v1beta` })(MODEL))],
];

test.each(clients)(
  "%s: a stream that the provider breaks off raises, and names the cause",
  async (_name, read) => {
    const before = gateway.ledger.settlements.length;
    const error = await read().then(
      () => undefined,
      (raised: unknown) => raised,
    );
    expect(error, "taken for a whole answer").toBeDefined();
    const said = `${error instanceof Error ? error.message : ""} ${JSON.stringify(error)}`;
    expect(said).toMatch(/The provider closed the connection|provider_disconnected/);
    await gateway.ledger.settledCount(before + 1);
    expect(gateway.ledger.settlements.slice(before).map(({ code }) => code)).toEqual([
      "provider_disconnected",
    ]);
  },
);
