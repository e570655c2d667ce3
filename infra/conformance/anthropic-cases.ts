/** The official Anthropic client on Anthropic's surfaces. */
import Anthropic from "@anthropic-ai/sdk";
import {
  CALL,
  type Case,
  casesOf,
  collect,
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

const at = ({ url, key }: Place) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });

type Ask = Omit<Anthropic.MessageCreateParamsNonStreaming, "model" | "stream">;
const asks: Record<"text" | "tools" | "image in the prompt" | "JSON output", Ask> = {
  text: { max_tokens: 200, messages: [{ role: "user", content: TEXT }] },
  tools: {
    max_tokens: 200,
    messages: [{ role: "user", content: CALL }],
    tools: [{ name: "weather", input_schema: { type: "object", properties: TOOL_SCHEMA.properties } }],
  },
  "image in the prompt": {
    max_tokens: 200,
    messages: [
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
          { type: "text", text: TEXT },
        ],
      },
    ],
  },
  "JSON output": {
    max_tokens: 200,
    messages: [{ role: "user", content: TEXT }],
    output_config: { format: { type: "json_schema", schema: { ...SCHEMA } } },
  },
};

const messages = casesOf("@anthropic-ai/sdk", "messages");
const counts = casesOf("@anthropic-ai/sdk", "messages.count_tokens");
const features = Object.keys(asks) as (keyof typeof asks)[];

function errorsOf(create: (client: Anthropic, model: string, options?: object) => Promise<unknown>) {
  return async (place: Place) => ({
    unknownModel: await raised(() => create(at(place), "sandbox/nothing")),
    wrongKey: await raised(() => create(at({ ...place, key: "bad-key" }), MODEL)),
    limited: await raised(() => create(at(place), MODEL, { headers: LIMITED })),
    steered: await raised(() => create(at(place), MODEL, { headers: { "x-sandbox": '{"status":422}' } })),
  });
}

export const anthropicCases: readonly Case[] = [
  ...features.flatMap((feature) => [
    messages(feature, false, (place) => at(place).messages.create({ ...asks[feature], model: MODEL })),
    messages(feature, true, async (place) => ({
      events: await collect(
        await at(place).messages.create({ ...asks[feature], model: MODEL, stream: true }),
      ),
      final: await at(place)
        .messages.stream({ ...asks[feature], model: MODEL })
        .finalMessage(),
    })),
  ]),
  counts("text", false, (place) =>
    at(place).messages.countTokens({ model: MODEL, messages: asks.text.messages }),
  ),
  casesOf("@anthropic-ai/sdk", "models")("text", false, async (place) =>
    named((await collect(at(place).models.list())).map(({ id }) => id)),
  ),
  messages(
    "errors",
    false,
    errorsOf((client, model, options) => client.messages.create({ ...asks.text, model }, options)),
  ),
  messages(
    "errors",
    true,
    errorsOf((client, model, options) =>
      client.messages.create({ ...asks.text, model, stream: true }, options),
    ),
  ),
  counts(
    "errors",
    false,
    errorsOf((client, model, options) =>
      client.messages.countTokens({ model, messages: asks.text.messages }, options),
    ),
  ),
];
