import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tokens } from "../wire/usage.ts";
import { costOf, nanosOf, type Price, type Usage, usdOf } from "./cost.ts";
import {
  chatUsage,
  foldUsage,
  geminiUsage,
  imagesUsage,
  isSaid,
  mergeSaid,
  messagesUsage,
  responsesUsage,
  speechUsage,
  transcriptUsage,
  unfoldTokens,
} from "./usage.ts";

/** Dollars per million tokens, or apiece. */
function priced(usd: Record<string, string>): Price {
  const none = { input: null, cacheRead: null, cacheWrite: null, output: null };
  return {
    ...none,
    ...Object.fromEntries(Object.entries(usd).map(([name, text]) => [name, nanosOf(text) as bigint])),
  };
}

const none = { input: null, cacheRead: null, cacheWrite: null, output: null, reasoning: null };

/** What each provider's documentation shows, the buckets it is read into, and its price worked out by hand in `sum`. */
const fixtures: readonly { what: string; usage: Usage; is: Usage; price: Price; sum: string; usd: string }[] =
  [
    {
      what: "OpenAI chat with sound in and out",
      usage: chatUsage({
        ...{ prompt_tokens: 120, completion_tokens: 260, total_tokens: 380 },
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 100 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 200 },
      }),
      is: { ...none, input: 20, cacheRead: 0, output: 60, reasoning: 0, audioInput: 100, audioOutput: 200 },
      price: priced({ input: "2.5", output: "10", audioInput: "40", audioOutput: "80" }),
      sum: "20 · 2.5 + 100 · 40 + 60 · 10 + 200 · 80 = 50 + 4000 + 600 + 16000 millionths",
      usd: "0.02065",
    },
    {
      what: "OpenAI images, told in tokens",
      usage: imagesUsage({
        ...{ input_tokens: 50, output_tokens: 1_056, total_tokens: 1_106 },
        input_tokens_details: { text_tokens: 10, image_tokens: 40 },
      }),
      is: { ...none, input: 10, imageInput: 40, imageOutput: 1_056 },
      price: priced({ input: "5", imageInput: "10", imageOutput: "40" }),
      sum: "10 · 5 + 40 · 10 + 1056 · 40 = 50 + 400 + 42240",
      usd: "0.04269",
    },
    {
      what: "OpenAI images, counted by the piece",
      usage: { ...none, images: 2 },
      is: { ...none, images: 2 },
      price: priced({ perImage: "0.04" }),
      sum: "2 · 0.04",
      usd: "0.08",
    },
    {
      what: "OpenAI transcription",
      usage: transcriptUsage({
        ...{ type: "tokens", input_tokens: 14, output_tokens: 101, total_tokens: 115 },
        input_token_details: { text_tokens: 0, audio_tokens: 14 },
      }),
      is: { ...none, input: 0, output: 101, audioInput: 14 },
      price: priced({ input: "2.5", audioInput: "6", output: "10" }),
      sum: "14 · 6 + 101 · 10 = 84 + 1010",
      usd: "0.001094",
    },
    {
      what: "OpenAI speech",
      usage: speechUsage({ input_tokens: 20, output_tokens: 500, total_tokens: 520 }),
      is: { ...none, input: 20, audioOutput: 500 },
      price: priced({ input: "0.6", audioOutput: "12" }),
      sum: "20 · 0.6 + 500 · 12 = 12 + 6000",
      usd: "0.006012",
    },
    {
      what: "OpenAI responses without details",
      usage: responsesUsage({ input_tokens: 36, output_tokens: 87, total_tokens: 123 }),
      is: { ...none, input: 36, output: 87 },
      price: priced({ input: "2", output: "8" }),
      sum: "36 · 2 + 87 · 8 = 72 + 696",
      usd: "0.000768",
    },
    {
      what: "Anthropic with thinking, which is inside the output and not told apart",
      usage: messagesUsage({
        ...{ input_tokens: 40, output_tokens: 2_100 },
        ...{ cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
      }),
      is: { ...none, input: 40, cacheRead: 0, cacheWrite: 0, output: 2_100 },
      price: priced({ input: "3", cacheRead: "0.3", cacheWrite: "3.75", output: "15" }),
      sum: "40 · 3 + 2100 · 15 = 120 + 31500",
      usd: "0.03162",
    },
    {
      what: "xAI, whose reasoning stands beside the completion",
      usage: chatUsage({
        ...{ prompt_tokens: 32, completion_tokens: 9, total_tokens: 275 },
        completion_tokens_details: { reasoning_tokens: 234 },
      }),
      is: { ...none, input: 32, output: 9, reasoning: 234 },
      price: priced({ input: "0.3", output: "0.5" }),
      sum: "32 · 0.3 + 9 · 0.5 + 234 · 0.5 = 9.6 + 4.5 + 117",
      usd: "0.0001311",
    },
    {
      what: "DeepSeek, its own words for the cache and reasoning inside",
      usage: chatUsage({
        ...{ prompt_tokens: 500, completion_tokens: 900, total_tokens: 1_400 },
        ...{ prompt_cache_hit_tokens: 448, prompt_cache_miss_tokens: 52 },
        completion_tokens_details: { reasoning_tokens: 700 },
      }),
      is: { ...none, input: 52, cacheRead: 448, output: 200, reasoning: 700 },
      price: priced({ input: "0.28", cacheRead: "0.028", output: "0.42" }),
      sum: "52 · 0.28 + 448 · 0.028 + 900 · 0.42 = 14.56 + 12.544 + 378",
      usd: "0.000405104",
    },
    {
      what: "Mistral, which tells seconds of sound beside its tokens",
      usage: chatUsage({
        ...{ prompt_tokens: 13, completion_tokens: 434, total_tokens: 447 },
        prompt_audio_seconds: null,
      }),
      is: { ...none, input: 13, output: 434 },
      price: priced({ input: "0.1", output: "0.3" }),
      sum: "13 · 0.1 + 434 · 0.3 = 1.3 + 130.2",
      usd: "0.0001315",
    },
    {
      what: "OpenRouter with a cache that was written and read",
      usage: chatUsage({
        ...{ prompt_tokens: 1_000, completion_tokens: 10, total_tokens: 1_010, cost: 0.001755 },
        prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 300 },
      }),
      is: { ...none, input: 100, cacheRead: 600, cacheWrite: 300, output: 10 },
      price: priced({ input: "3", cacheRead: "0.3", cacheWrite: "3.75", output: "15" }),
      sum: "100 · 3 + 600 · 0.3 + 300 · 3.75 + 10 · 15 = 300 + 180 + 1125 + 150",
      usd: "0.001755",
    },
    {
      what: "Gemini with a tool's prompt, sound, a cache and thoughts",
      usage: geminiUsage({
        ...{ promptTokenCount: 100, toolUsePromptTokenCount: 30, cachedContentTokenCount: 20 },
        ...{ candidatesTokenCount: 10, thoughtsTokenCount: 5, totalTokenCount: 145 },
        promptTokensDetails: [
          { modality: "TEXT", tokenCount: 60 },
          { modality: "AUDIO", tokenCount: 40 },
        ],
      }),
      is: { ...none, input: 70, cacheRead: 20, output: 10, reasoning: 5, audioInput: 40 },
      price: priced({ input: "0.3", cacheRead: "0.03", audioInput: "1", output: "2.5" }),
      sum: "70 · 0.3 + 20 · 0.03 + 40 · 1 + 15 · 2.5 = 21 + 0.6 + 40 + 37.5",
      usd: "0.0000991",
    },
    {
      what: "Gemini that draws",
      usage: geminiUsage({
        ...{ promptTokenCount: 12, candidatesTokenCount: 1_290, totalTokenCount: 1_302 },
        candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1_290 }],
      }),
      is: { ...none, input: 12, output: 0, imageOutput: 1_290 },
      price: priced({ input: "0.3", output: "2.5", imageOutput: "30" }),
      sum: "12 · 0.3 + 1290 · 30 = 3.6 + 38700",
      usd: "0.0387036",
    },
  ];

describe("what each provider reports is read into disjoint buckets, and priced as by hand", () => {
  test.each(fixtures)("$what: $sum = $usd", ({ usage, is, price, usd }) => {
    expect(usage).toEqual(is);
    expect(usdOf(costOf(usage, price) as bigint)).toBe(usd);
  });

  test.each(fixtures)("$what: the same after its way through the wire", ({ usage, price, usd }) => {
    const told = unfoldTokens(Tokens.parse(JSON.parse(JSON.stringify(foldUsage(usage)))));
    expect(usdOf(costOf(told, price) as bigint)).toBe(usd);
  });
});

const readers = {
  chatUsage,
  responsesUsage,
  imagesUsage,
  transcriptUsage,
  speechUsage,
  messagesUsage,
  geminiUsage,
};

test.each(Object.entries(readers))(
  "%s: absent, null and what is no count is not said; zero is",
  (_, read) => {
    const names = [
      ...["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"],
      ...["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"],
    ];
    for (const nothing of [undefined, null, -1, 1.5, "7", 1e9 + 1, {}, Number.NaN]) {
      expect(isSaid(read(Object.fromEntries(names.map((name) => [name, nothing]))))).toBe(false);
    }
    expect(isSaid(read(Object.fromEntries(names.map((name) => [name, 0]))))).toBe(true);
  },
);

const count = fc.option(fc.integer({ min: 0, max: 1_000_000_000 }), { nil: null });
const part = fc.option(fc.integer({ min: 0, max: 1_000_000_000 }), { nil: undefined });
const whole = { input: count, cacheRead: count, cacheWrite: count, output: count, reasoning: count };
const parts = {
  ...{ cacheWriteLong: part, audioInput: part, imageInput: part, audioOutput: part, imageOutput: part },
  ...{ images: part, searches: part },
};
const sumOf = (usage: object) =>
  Object.entries(usage).reduce((sum, [, n]) => sum + (typeof n === "number" ? n : 0), 0);

test("on the wire five buckets hold everything, and what is told apart is taken out of them again", () => {
  const usage = {
    ...{ input: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 5 },
    ...{ cacheWriteLong: 10, audioInput: 20, imageInput: 30, audioOutput: 40, imageOutput: 50, images: 60 },
  };
  expect(foldUsage(usage)).toMatchObject({
    input: 51,
    cacheRead: 2,
    cacheWrite: 13,
    output: 94,
    reasoning: 5,
  });
  expect(unfoldTokens(foldUsage(usage))).toEqual(usage);
  expect(foldUsage({ ...none, output: 7 })).toEqual({ ...none, output: 7 });
  fc.assert(
    fc.property(fc.record({ ...whole, ...parts }), (any) => {
      const tokens = Tokens.parse(foldUsage(any as Usage));
      const { apart, ...five } = tokens;
      // No token is in two buckets, none is lost, whatever the parts.
      const { images, searches, ...told } = unfoldTokens(tokens);
      expect(sumOf(told)).toBe(sumOf(five));
      expect([images, searches]).toEqual([any.images, any.searches]);
    }),
  );
});

test("parts beyond what they are told to be in count for no more than that, and invent nothing", () => {
  fc.assert(
    fc.property(fc.record(whole), fc.record(parts), (five, apart) => {
      const told = unfoldTokens({ ...five, apart } as Tokens);
      for (const [name, n] of Object.entries(told)) expect(n ?? 0, name).toBeGreaterThanOrEqual(0);
      const both = (told.output ?? 0) + (told.audioOutput ?? 0) + (told.imageOutput ?? 0);
      if (five.output !== null) expect(both).toBe(five.output);
    }),
  );
});

test("what is told in several events is read as one: a later total does not count again what was told apart of it", () => {
  const start = {
    ...{ input_tokens: 100, cache_creation_input_tokens: 556, cache_read_input_tokens: 0, output_tokens: 1 },
    cache_creation: { ephemeral_5m_input_tokens: 456, ephemeral_1h_input_tokens: 100 },
  };
  const end = { cache_creation_input_tokens: 556, output_tokens: 50, input_tokens: null };
  expect(messagesUsage(mergeSaid(start, end))).toEqual({
    ...{ input: 100, cacheRead: 0, cacheWrite: 456, cacheWriteLong: 100, output: 50, reasoning: null },
  });
  expect(mergeSaid(null, end)).toBe(end);
});
