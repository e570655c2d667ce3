import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bound, type BoundRequest, boundOf } from "./bound.ts";
import { costOf, nanosOf, type Price } from "./cost.ts";

const usd = (text: string) => nanosOf(text) as bigint;
const price: Price = { input: usd("1"), cacheRead: usd("0.1"), cacheWrite: null, output: usd("2") };

function request(body: Record<string, unknown>, more: Partial<BoundRequest> = {}): BoundRequest {
  return {
    surface: "chat.completions",
    body,
    bytes: new TextEncoder().encode(JSON.stringify(body)).length,
    provider: "openai",
    price: { rev: 7, price },
    contextWindow: 128_000,
    outputTokensMax: null,
    defaultOutputTokens: null,
    leftNanos: null,
    ...more,
  };
}

function bounded(bound: Bound): Extract<Bound, { kind: "bounded" }> {
  if (bound.kind !== "bounded") throw new Error(`${bound.kind}: ${bound.param}`);
  return bound;
}

const messages = [{ role: "user", content: "hello" }];

describe("the bound", () => {
  const rate = fc.bigInt({ min: 0n, max: 10n ** 11n });
  const maybe = fc.option(rate, { nil: null });
  const rates = fc.record({ input: rate, cacheRead: maybe, cacheWrite: maybe, output: rate });
  const prices: fc.Arbitrary<Price> = fc
    .tuple(rates, rates, fc.integer({ min: 0, max: 2_000 }), fc.boolean())
    .map(([base, above, aboveInputTokens, tiered]) =>
      tiered ? { ...base, tiers: [{ aboveInputTokens, rates: above }] } : base,
    );
  const split = fc.array(fc.nat(1_000), { minLength: 3, maxLength: 3 });
  const parts = (whole: number, weights: number[]) => {
    const sum = weights.reduce((a, b) => a + b, 0) || 1;
    return weights.map((weight) => Math.floor((whole * weight) / sum));
  };

  test("is never below the cost of a usage that respects the limits, whatever the buckets and tiers", () => {
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 80 }), { minLength: 1, maxLength: 6 });
    const limit = fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined });
    fc.assert(
      fc.property(
        prices,
        texts,
        limit,
        fc.integer({ min: 1, max: 4 }),
        split,
        split,
        (p, all, max, n, ins, outs) => {
          const said = all.map((content) => ({ role: "user", content }));
          const body = { model: "m", messages: said, n, ...(max === undefined ? {} : { max_tokens: max }) };
          const asked = request(body, { price: { rev: 1, price: p }, provider: "mistral" });
          const bound = bounded(boundOf(asked));
          const heard =
            all.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0) + 4 * all.length;
          const [input = 0, cacheRead = 0, cacheWrite = 0] = parts(heard, ins);
          const [output = 0, reasoning = 0] = parts(bound.outputTokens * n, outs);
          const cost = costOf({ input, cacheRead, cacheWrite, output, reasoning }, p);
          expect(cost).not.toBeNull();
          expect(bound.nanos >= (cost as bigint)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("I12: holds for recorded requests and what was really billed for them", () => {
    const corpus: [Record<string, unknown>, { prompt_tokens: number; completion_tokens: number }][] = [
      [
        { messages, max_tokens: 16 },
        { prompt_tokens: 8, completion_tokens: 16 },
      ],
      [
        { messages: [{ role: "user", content: "𠜎".repeat(40) }], max_tokens: 9 },
        { prompt_tokens: 127, completion_tokens: 9 },
      ],
      [
        {
          messages,
          max_tokens: 64,
          tools: [
            { type: "function", function: { name: "t", parameters: { type: "object", properties: {} } } },
          ],
        },
        { prompt_tokens: 36, completion_tokens: 14 },
      ],
    ];
    for (const [body, usage] of corpus) {
      const cost = costOf(
        {
          input: usage.prompt_tokens,
          cacheRead: 0,
          cacheWrite: 0,
          output: usage.completion_tokens,
          reasoning: 0,
        },
        price,
      );
      expect(bounded(boundOf(request(body))).nanos >= (cost as bigint)).toBe(true);
    }
  });

  test("carries the price that it was made with", () => {
    expect(bounded(boundOf(request({ messages }))).price).toEqual({ rev: 7, price });
  });

  test("counts an image by the provider's maximum and not by its bytes", () => {
    const url = `data:image/png;base64,${"A".repeat(400_000)}`;
    const image = {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
      max_tokens: 1,
    };
    const nanos = bounded(boundOf(request(image))).nanos;
    expect(nanos > usd("0.048169") && nanos < usd("0.05")).toBe(true);
    // Text that looks like an image is text.
    const text = { messages: [{ role: "user", content: JSON.stringify(image) }], max_tokens: 1 };
    expect(bounded(boundOf(request(text))).nanos > usd("0.4")).toBe(true);
  });

  test("takes the context window where more is read than the body", () => {
    const file = {
      messages: [{ role: "user", content: [{ type: "file", file: { file_id: "f" } }] }],
      max_tokens: 1,
    };
    expect(bounded(boundOf(request(file))).nanos > usd("0.128")).toBe(true);
    expect(boundOf(request(file, { contextWindow: null }))).toEqual({ kind: "unboundable", param: "file" });
    const thread = { input: "hi", previous_response_id: "resp_1", max_output_tokens: 1 };
    expect(bounded(boundOf(request(thread, { surface: "responses" }))).nanos > usd("0.128")).toBe(true);
  });

  test("an embedding has no output", () => {
    const bound = bounded(boundOf(request({ input: ["a", "b"] }, { surface: "embeddings" })));
    expect(bound).toMatchObject({ outputTokens: 0, inject: null });
    expect(bound.nanos < usd("0.001")).toBe(true);
  });
});

describe("what has no bound is named", () => {
  const cases: [string, Record<string, unknown>, Partial<BoundRequest>][] = [
    ["model", { messages }, { price: undefined }],
    ["model", { messages }, { price: { rev: 1, price: { ...price, input: null } } }],
    ["model", { messages }, { price: { rev: 1, price: { ...price, output: null } } }],
    ["tools", { messages, tools: [{ type: "web_search_20250305", name: "web_search" }] }, {}],
    ["tools", { messages, tools: [{ type: "web_search_20250305", max_uses: 3 }] }, {}],
    ["tools", { contents: [], tools: [{ googleSearch: {} }] }, { surface: "generateContent" }],
    ["tools", { input: "x", tools: [{ type: "code_interpreter" }] }, { surface: "responses" }],
    ["background", { input: "x", background: true }, { surface: "responses" }],
    ["service_tier", { messages, service_tier: "priority" }, {}],
    ["web_search_options", { messages, web_search_options: {} }, {}],
    ["input_audio", { messages: [{ role: "user", content: [{ type: "input_audio" }] }] }, {}],
    ["modalities", { messages, modalities: ["text", "audio"] }, {}],
    [
      "cache_control",
      { messages, system: [{ cache_control: { type: "ephemeral", ttl: "1h" } }] },
      { surface: "messages" },
    ],
  ];
  test.each(cases)("%s", (param, body, more) => {
    expect(boundOf(request(body, more))).toEqual({ kind: "unboundable", param });
  });

  test("a search with a limit and a price is bounded by rounds of the context window", () => {
    const body = { messages, max_tokens: 10, tools: [{ type: "web_search_20250305", max_uses: 2 }] };
    const priced = { rev: 1, price: { ...price, perSearch: usd("0.01") } };
    const { nanos } = bounded(
      boundOf(request(body, { surface: "messages", provider: "anthropic", price: priced })),
    );
    expect(nanos >= 3n * usd("0.128") + 2n * usd("0.01")).toBe(true);
  });
});

describe("the limit of the output", () => {
  const limitOf = (body: Record<string, unknown>, more: Partial<BoundRequest> = {}) => {
    const { outputTokens, inject } = bounded(boundOf(request({ messages, ...body }, more)));
    return { outputTokens, inject };
  };

  test("is the caller's, never lowered", () => {
    const said = limitOf({ max_completion_tokens: 50_000 }, { leftNanos: 1n });
    expect(said).toEqual({ outputTokens: 50_000, inject: null });
  });

  test("is said again in the field that this provider reads", () => {
    expect(limitOf({ max_completion_tokens: 77 }, { provider: "mistral" }).inject).toEqual({
      field: "max_tokens",
      tokens: 77,
    });
    expect(limitOf({ max_tokens: 77, max_completion_tokens: 99 }).outputTokens).toBe(99);
  });

  test("absent, is the least of the model's maximum, the default, and a sixteenth of what is left, and at least 256", () => {
    expect(limitOf({}).inject).toEqual({ field: "max_completion_tokens", tokens: 4_096 });
    expect(limitOf({}, { defaultOutputTokens: 900 }).outputTokens).toBe(900);
    expect(limitOf({}, { outputTokensMax: 100 }).outputTokens).toBe(100);
    // $0.05 at $2 a million is 25 000 tokens, less the prompt's; a sixteenth of that.
    expect(limitOf({}, { leftNanos: usd("0.05") }).outputTokens).toBeGreaterThan(1_400);
    expect(limitOf({}, { leftNanos: usd("0.05") }).outputTokens).toBeLessThanOrEqual(1_562);
    expect(limitOf({}, { leftNanos: 0n }).outputTokens).toBe(256);
  });

  test("a short prompt to an expensive model on $0.05 stays below $0.05", () => {
    const dear = { rev: 1, price: { ...price, input: usd("15"), output: usd("75") } };
    const bound = bounded(boundOf(request({ messages }, { price: dear, leftNanos: usd("0.05") })));
    expect(bound.nanos < usd("0.05")).toBe(true);
    expect(bound.outputTokens).toBe(256);
  });

  test("beyond the model's maximum, or no count, is the caller's mistake", () => {
    expect(boundOf(request({ messages, max_tokens: 10 }, { outputTokensMax: 9 }))).toEqual({
      kind: "invalid",
      param: "max_tokens",
    });
    expect(boundOf(request({ messages, max_tokens: -1 }))).toEqual({ kind: "invalid", param: "max_tokens" });
    expect(boundOf(request({ messages, n: 1.5 }))).toEqual({ kind: "invalid", param: "n" });
  });

  test("multiplies with the answers asked for", () => {
    const one = bounded(boundOf(request({ messages, max_tokens: 1_000 }))).nanos;
    const four = bounded(boundOf(request({ messages, max_tokens: 1_000, n: 4 }))).nanos;
    expect(four - one >= usd("0.006")).toBe(true);
  });
});
