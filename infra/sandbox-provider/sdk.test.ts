import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "./create-sandbox.ts";

let sandbox: Sandbox;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  sandbox = await createSandbox();
  openai = new OpenAI({ baseURL: `${sandbox.url}/v1`, apiKey: "good", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: sandbox.url, apiKey: "good", maxRetries: 0 });
});
afterAll(() => sandbox.close());

const tool = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } };

describe("the official OpenAI client", () => {
  test("reads a whole chat completion with its usage in detail", async () => {
    const answer = await openai.chat.completions.create({
      model: "sandbox/echo",
      messages: [{ role: "user", content: "héllo 🗝 wörld, once more and again and again" }],
    });
    expect(answer.choices[0]?.message.content).toBe("héllo 🗝 wörld, once more and again and again");
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expect(answer.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(0);
    expect(answer.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
  });

  test("reads a streamed one, with the usage chunk only when asked for", async () => {
    const read = async (includeUsage: boolean) => {
      const stream = await openai.chat.completions.create({
        model: "story",
        messages: [{ role: "user", content: "tell" }],
        max_tokens: 64,
        stream: true,
        ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
      });
      let text = "";
      let usages = 0;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        if (chunk.usage) usages += 1;
      }
      return { text, usages };
    };
    const without = await read(false);
    const asked = await read(true);
    expect(without.usages).toBe(0);
    expect(asked.usages).toBe(1);
    expect(asked.text).toBe(without.text);
    expect(asked.text).toContain("The bearer of the keys");
  });

  test("gets a tool call when the prompt asks for it, streamed or not, and can answer it", async () => {
    const ask = {
      model: "echo",
      messages: [{ role: "user" as const, content: 'please call weather {"city":"Bern"}' }],
      tools: [{ type: "function" as const, function: tool }],
    };
    const whole = await openai.chat.completions.create(ask);
    const call = whole.choices[0]?.message.tool_calls?.[0];
    expect(call?.type === "function" && call.function).toEqual({
      name: "weather",
      arguments: '{"city":"Bern"}',
    });
    const streamed = await openai.chat.completions.stream(ask).finalChatCompletion();
    const again = streamed.choices[0]?.message.tool_calls?.[0];
    expect(again?.type === "function" && again.function.arguments).toBe('{"city":"Bern"}');
    const quiet = await openai.chat.completions.create({
      ...ask,
      messages: [{ role: "user", content: "no tool" }],
    });
    expect(quiet.choices[0]?.message.tool_calls).toBeUndefined();
  });

  test("gets JSON when response_format asks, and an instance of the schema when it names one", async () => {
    const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
    const answer = await openai.chat.completions.create({
      model: "echo",
      messages: [{ role: "user", content: "x" }],
      response_format: { type: "json_schema", json_schema: { name: "s", schema } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toEqual({ n: 1 });
  });

  test("reads responses, completions, embeddings (base64 and float) and models", async () => {
    const response = await openai.responses.create({ model: "echo", input: "hi there" });
    expect(response.output_text).toBe("hi there");
    const stream = await openai.responses.create({ model: "echo", input: "hi there", stream: true });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types.at(0)).toBe("response.created");
    expect(types.at(-1)).toBe("response.completed");
    const completion = await openai.completions.create({ model: "echo", prompt: "abc" });
    expect(completion.choices[0]?.text).toBe("abc");
    const base64 = await openai.embeddings.create({ model: "embed", input: ["a", "b"] });
    const float = await openai.embeddings.create({
      model: "embed",
      input: ["a", "b"],
      encoding_format: "float",
    });
    expect(base64.data.map((item) => Array.from(item.embedding))).toEqual(
      float.data.map((item) => item.embedding),
    );
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(["echo", "story", "embed"]);
  });

  test("raises its own error classes for a bad credential, an unknown model and a steered 429", async () => {
    const bad = new OpenAI({ baseURL: `${sandbox.url}/v1`, apiKey: "bad-key", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "x" }];
    await expect(bad.chat.completions.create({ model: "echo", messages })).rejects.toBeInstanceOf(
      OpenAI.AuthenticationError,
    );
    await expect(openai.chat.completions.create({ model: "gpt", messages })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    const limited = openai.chat.completions.create(
      { model: "echo", messages },
      { headers: { "x-sandbox": '{"status":429}' } },
    );
    await expect(limited).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });
});

describe("the official Anthropic client", () => {
  const messages = [{ role: "user" as const, content: "say it again, and count every word of it 🗝" }];

  test("reads a whole message; the input counts are disjoint and sum to count_tokens", async () => {
    const message = await anthropic.messages.create({ model: "echo", max_tokens: 100, messages });
    expect(message.content[0]?.type === "text" && message.content[0].text).toBe(messages[0]?.content);
    const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = message.usage;
    const counted = await anthropic.messages.countTokens({ model: "echo", messages });
    expect(input_tokens + (cache_creation_input_tokens ?? 0) + (cache_read_input_tokens ?? 0)).toBe(
      counted.input_tokens,
    );
  });

  test("assembles a streamed message equal to the whole one", async () => {
    const whole = await anthropic.messages.create({ model: "echo", max_tokens: 100, messages });
    const final = await anthropic.messages
      .stream({ model: "echo", max_tokens: 100, messages })
      .finalMessage();
    expect(final.content[0]?.type === "text" && final.content[0].text).toBe(messages[0]?.content);
    expect(final.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(final.stop_reason).toBe("end_turn");
  });

  test("gets a tool call, streamed or not, and stops at max_tokens", async () => {
    const ask = {
      model: "echo",
      max_tokens: 100,
      messages: [{ role: "user" as const, content: 'call weather {"city":"Bern"}' }],
      tools: [{ name: "weather", input_schema: { type: "object" as const } }],
    };
    const whole = await anthropic.messages.create(ask);
    const streamed = await anthropic.messages.stream(ask).finalMessage();
    for (const message of [whole, streamed]) {
      const block = message.content[0];
      expect(block?.type === "tool_use" && block.input).toEqual({ city: "Bern" });
      expect(message.stop_reason).toBe("tool_use");
    }
    const cut = await anthropic.messages.create({ model: "story", max_tokens: 16, messages });
    expect(cut.stop_reason).toBe("max_tokens");
    expect(cut.usage.output_tokens).toBe(16);
  });

  test("raises its own error classes, and lists models", async () => {
    const bad = new Anthropic({ baseURL: sandbox.url, apiKey: "bad", maxRetries: 0 });
    await expect(bad.messages.create({ model: "echo", max_tokens: 5, messages })).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
    const ids: string[] = [];
    for await (const model of anthropic.models.list()) ids.push(model.id);
    expect(ids).toEqual(["echo", "story", "embed"]);
  });
});

test("Gemini: whole, SSE and JSON-array streams carry the same words; embeddings have the asked length", async () => {
  const call = async (method: string, body: unknown) => {
    const answer = await fetch(`${sandbox.url}/v1beta/models/${method}`, {
      method: "POST",
      headers: { "x-goog-api-key": "k", "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const body = { contents: [{ role: "user", parts: [{ text: "three little words here" }] }] };
  const textOf = (chunks: { candidates: { content: { parts: { text: string }[] } }[] }[]) =>
    chunks.map((chunk) => chunk.candidates[0]?.content.parts[0]?.text).join("");
  const whole = await call("echo:generateContent", body);
  expect(textOf([JSON.parse(whole.text)])).toBe("three little words here");
  const sse = await call("echo:streamGenerateContent?alt=sse", body);
  expect(
    textOf(
      sse.text
        .split("\r\n\r\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line.slice(6))),
    ),
  ).toBe("three little words here");
  const array = await call("echo:streamGenerateContent", body);
  expect(textOf(JSON.parse(array.text))).toBe("three little words here");
  const embedding = await call("embed:embedContent", {
    content: { parts: [{ text: "a" }] },
    outputDimensionality: 3,
  });
  expect(JSON.parse(embedding.text).embedding.values).toHaveLength(3);
  const refused = await fetch(`${sandbox.url}/v1beta/models/echo:generateContent`, {
    method: "POST",
    body: "{}",
  });
  expect(await refused.json()).toMatchObject({ error: { code: 401, status: "UNAUTHENTICATED" } });
});
