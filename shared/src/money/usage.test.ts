import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { costOf, nanosOf, type Price, type Usage, usdOf } from "./cost.ts";
import { chatUsage, geminiUsage, imagesUsage, messagesUsage, responsesUsage } from "./usage.ts";

const usd = (text: string) => nanosOf(text) as bigint;

/** Published list prices per million tokens, written down here so that the figures below can be checked by hand. */
const prices = {
  "gpt-4o": { input: usd("2.5"), cacheRead: usd("1.25"), cacheWrite: null, output: usd("10") },
  "o4-mini": { input: usd("1.1"), cacheRead: usd("0.275"), cacheWrite: null, output: usd("4.4") },
  "claude-sonnet-4": {
    input: usd("3"),
    cacheRead: usd("0.3"),
    cacheWrite: usd("3.75"),
    cacheWriteLong: usd("6"),
    output: usd("15"),
    perSearch: usd("0.01"),
  },
  "gemini-2.5-pro": {
    input: usd("1.25"),
    cacheRead: usd("0.125"),
    cacheWrite: null,
    output: usd("10"),
    tiers: [
      {
        aboveInputTokens: 200_000,
        rates: { input: usd("2.5"), cacheRead: usd("0.25"), cacheWrite: null, output: usd("15") },
      },
    ],
  },
} satisfies Record<string, Price>;

interface Fixture {
  readonly what: string;
  readonly price: Price;
  readonly usage: Usage;
  /** Worked out by hand: see `sum`. */
  readonly usd: string;
  readonly sum: string;
}

const fixtures: readonly Fixture[] = [
  {
    what: "OpenAI chat, part of the prompt cached",
    price: prices["gpt-4o"],
    usage: chatUsage({
      prompt_tokens: 2_006,
      completion_tokens: 300,
      total_tokens: 2_306,
      prompt_tokens_details: { cached_tokens: 1_920, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    }),
    sum: "86 · 2.5 + 1920 · 1.25 + 300 · 10 = 215 + 2400 + 3000 millionths",
    usd: "0.005615",
  },
  {
    what: "OpenAI chat, reasoning inside the completion",
    price: prices["o4-mini"],
    usage: chatUsage({
      prompt_tokens: 75,
      completion_tokens: 1_186,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 1_024 },
    }),
    sum: "75 · 1.1 + 162 · 4.4 + 1024 · 4.4 = 82.5 + 712.8 + 4505.6",
    usd: "0.0053009",
  },
  {
    what: "OpenAI responses, cached and reasoning",
    price: prices["o4-mini"],
    usage: responsesUsage({
      input_tokens: 5_000,
      input_tokens_details: { cached_tokens: 4_096 },
      output_tokens: 900,
      output_tokens_details: { reasoning_tokens: 640 },
      total_tokens: 5_900,
    }),
    sum: "904 · 1.1 + 4096 · 0.275 + 260 · 4.4 + 640 · 4.4 = 994.4 + 1126.4 + 1144 + 2816",
    usd: "0.0060808",
  },
  {
    what: "DeepSeek's words for a cache hit",
    price: prices["gpt-4o"],
    usage: chatUsage({ prompt_tokens: 100, prompt_cache_hit_tokens: 64, completion_tokens: 10 }),
    sum: "36 · 2.5 + 64 · 1.25 + 10 · 10 = 90 + 80 + 100",
    usd: "0.00027",
  },
  {
    what: "OpenAI embeddings",
    price: { input: usd("0.02"), cacheRead: null, cacheWrite: null, output: null },
    usage: chatUsage({ prompt_tokens: 8, total_tokens: 8 }),
    sum: "8 · 0.02 = 0.16",
    usd: "0.00000016",
  },
  {
    what: "Anthropic, cache written and read",
    price: prices["claude-sonnet-4"],
    usage: messagesUsage({
      input_tokens: 21,
      cache_creation_input_tokens: 1_880,
      cache_read_input_tokens: 12_000,
      output_tokens: 393,
    }),
    sum: "21 · 3 + 1880 · 3.75 + 12000 · 0.3 + 393 · 15 = 63 + 7050 + 3600 + 5895",
    usd: "0.016608",
  },
  {
    what: "Anthropic, two cache lifetimes and two searches",
    price: prices["claude-sonnet-4"],
    usage: messagesUsage({
      input_tokens: 100,
      cache_creation_input_tokens: 556,
      cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 456, ephemeral_1h_input_tokens: 100 },
      output_tokens: 50,
      server_tool_use: { web_search_requests: 2 },
    }),
    sum: "100 · 3 + 456 · 3.75 + 100 · 6 + 50 · 15 = 300 + 1710 + 600 + 750, and 2 · 10000",
    usd: "0.02336",
  },
  {
    what: "Gemini with thoughts beside the candidates",
    price: prices["gemini-2.5-pro"],
    usage: geminiUsage({
      promptTokenCount: 1_500,
      cachedContentTokenCount: 1_000,
      candidatesTokenCount: 200,
      thoughtsTokenCount: 800,
      totalTokenCount: 2_500,
    }),
    sum: "500 · 1.25 + 1000 · 0.125 + 200 · 10 + 800 · 10 = 625 + 125 + 2000 + 8000",
    usd: "0.01075",
  },
  {
    what: "Gemini above 200 000 tokens of input: everything at the higher rates",
    price: prices["gemini-2.5-pro"],
    usage: geminiUsage({ promptTokenCount: 200_001, candidatesTokenCount: 100, thoughtsTokenCount: 0 }),
    sum: "200001 · 2.5 + 100 · 15 = 500002.5 + 1500",
    usd: "0.5015025",
  },
];

describe("what providers report, priced by hand", () => {
  test.each(fixtures)("$what: $sum = $usd", ({ usage, price, usd: expected }) => {
    expect(usdOf(costOf(usage, price) as bigint)).toBe(expected);
  });
});

test("no token is in two buckets: they sum to what the provider counts", () => {
  const n = fc.nat(100_000);
  fc.assert(
    fc.property(n, n, n, n, n, (fresh, cached, written, plain, thought) => {
      const usage = responsesUsage({
        input_tokens: fresh + cached + written,
        input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
        output_tokens: plain + thought,
        output_tokens_details: { reasoning_tokens: thought },
      });
      expect(usage).toEqual({
        input: fresh,
        cacheRead: cached,
        cacheWrite: written,
        output: plain,
        reasoning: thought,
      });
    }),
  );
});

test("a cached token never costs more than a fresh one", () => {
  const price = prices["gpt-4o"];
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(100_000), (input, cached) => {
      const usage = (cached_tokens: number) =>
        chatUsage({
          prompt_tokens: input + cached,
          completion_tokens: 0,
          prompt_tokens_details: { cached_tokens },
        });
      expect((costOf(usage(cached), price) as bigint) <= (costOf(usage(0), price) as bigint) + 1n).toBe(true);
    }),
  );
});

test("zero is what was said, absent is not: 0 costs nothing, absent has no cost", () => {
  const price = prices["gpt-4o"];
  expect(costOf(chatUsage({ prompt_tokens: 0, completion_tokens: 0 }), price)).toBe(0n);
  expect(costOf(chatUsage({}), price)).toBeNull();
  expect(costOf(chatUsage({ prompt_tokens: null, completion_tokens: null }), price)).toBeNull();
});

test("sound, images and searches without a price of their own make the cost unknown", () => {
  const price = prices["gpt-4o"];
  const heard = { prompt_tokens: 20, completion_tokens: 5, prompt_tokens_details: { audio_tokens: 12 } };
  expect(costOf(chatUsage(heard), price)).toBeNull();
  expect(costOf(chatUsage(heard), { ...price, audioInput: usd("40") })).toBe(usd("0.00055"));
  expect(costOf({ ...chatUsage({ prompt_tokens: 1 }), searches: 1 }, price)).toBeNull();
  expect(costOf({ ...chatUsage({ prompt_tokens: 1 }), images: 1 }, price)).toBeNull();
});

test("what was cached is taken from the text first, so that no token stands in two buckets", () => {
  const image = { input_tokens: 77, output_tokens: 14 };
  const at = (cached: number) =>
    imagesUsage({
      ...image,
      input_tokens_details: { text_tokens: 13, image_tokens: 64, cached_tokens: cached },
    });
  expect(at(0)).toMatchObject({ input: 13, imageInput: 64, cacheRead: 0, imageOutput: 14 });
  expect(at(10)).toMatchObject({ input: 3, imageInput: 64, cacheRead: 10 });
  expect(at(19)).toMatchObject({ input: 0, imageInput: 58, cacheRead: 19 });
  expect(at(77)).toMatchObject({ input: 0, imageInput: 0, cacheRead: 77 });
  expect(at(99)).toMatchObject({ input: 0, imageInput: 0, cacheRead: 99 });
});
