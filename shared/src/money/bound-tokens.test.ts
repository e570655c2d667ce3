/**
 * I12: what a prompt can count at most. Every provider's tokenizer falls back to single bytes, so rare text counts up to
 * one token per byte: texts that are long enough that nothing around them makes up for a bound that assumes less.
 */
import { expect, test } from "vitest";
import { boundOf } from "./bound.ts";
import { costOf, nanosOf, type Price } from "./cost.ts";
import type { Surface } from "./request-facts.ts";

const usd = (text: string) => nanosOf(text) as bigint;
const price: Price = { input: usd("1"), cacheRead: usd("0.1"), cacheWrite: null, output: usd("2") };

const texts: Readonly<Record<string, string>> = {
  "rare characters": "𠜎".repeat(1_000),
  "an unusual script": "ꦲꦏ꧀ꦱꦫ".repeat(300),
  "bytes that are no words": Array.from({ length: 4_000 }, (_, i) =>
    String.fromCharCode(33 + ((i * 37) % 90)),
  ).join(""),
  "emoji sequences": "👩🏽‍🚀🏳️‍⚧️".repeat(120),
};

const surfaces: Readonly<Partial<Record<Surface, (text: string) => Record<string, unknown>>>> = {
  "chat.completions": (text) => ({ messages: [{ role: "user", content: text }], max_tokens: 1 }),
  completions: (text) => ({ prompt: text, max_tokens: 1 }),
  responses: (text) => ({ input: text, max_output_tokens: 1 }),
  messages: (text) => ({ messages: [{ role: "user", content: text }], max_tokens: 1 }),
  generateContent: (text) => ({
    contents: [{ role: "user", parts: [{ text }] }],
    generationConfig: { maxOutputTokens: 1 },
  }),
  embeddings: (text) => ({ input: text }),
};

for (const [surface, bodyOf] of Object.entries(surfaces)) {
  test.each(Object.entries(texts))(`I12: ${surface} bounds %s at one token per byte`, (_what, text) => {
    const body = bodyOf(text);
    const encoder = new TextEncoder();
    const bound = boundOf({
      surface: surface as Surface,
      body,
      bytes: encoder.encode(JSON.stringify(body)).length,
      provider: surface === "messages" ? "anthropic" : "openai",
      price: { rev: 1, price },
      contextWindow: 128_000,
      outputTokensMax: null,
      defaultOutputTokens: null,
      leftNanos: null,
    });
    if (bound.kind !== "bounded") throw new Error(`${bound.kind}: ${bound.param}`);
    const input = encoder.encode(text).length;
    const output = surface === "embeddings" ? 0 : 1;
    const cost = costOf({ input, cacheRead: 0, cacheWrite: 0, output, reasoning: 0 }, price);
    expect(bound.nanos).toBeGreaterThanOrEqual(cost as bigint);
  });
}
