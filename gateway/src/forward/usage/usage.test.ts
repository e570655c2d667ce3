import type { Tokens } from "@claviger/shared/wire/usage";
import { expect, test } from "vitest";
import { chatUsage, type DialectUsage, messagesUsage } from "./dialect-usage.ts";
import type { UsageReader } from "./reader.ts";
import { streamReader } from "./stream.ts";
import { wholeReader } from "./whole.ts";

const encoder = new TextEncoder();
const text = (parts: (Uint8Array | undefined)[]) =>
  new TextDecoder().decode(Buffer.concat(parts.filter((part) => part !== undefined)));

function run(reader: UsageReader, chunks: readonly Uint8Array[]) {
  const passed = chunks.map((chunk) => reader.pass(chunk.slice())?.slice());
  return {
    passed: text([...passed, reader.finish()]),
    tokens: reader.tokens(),
    textBytes: reader.textBytes(),
  };
}

/** At every byte offset, and in single bytes: the same bytes out and the same usage read. */
function provedAtEveryOffset(make: () => UsageReader, input: string, output: string, tokens: Tokens | null) {
  const bytes = encoder.encode(input);
  const whole = run(make(), [bytes]);
  expect(whole.passed).toBe(output);
  expect(whole.tokens).toEqual(tokens);
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(run(make(), [bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
  }
  expect(
    run(
      make(),
      Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
    ),
  ).toEqual(whole);
  return whole;
}

const said = (tokens: Partial<Tokens>): Tokens => ({
  input: null,
  cacheRead: null,
  cacheWrite: null,
  output: null,
  reasoning: null,
  ...tokens,
});

const delta = (content: string) =>
  `data: {"id":"c","choices":[{"index":0,"delta":{"content":"${content}"}}],"usage":null}`;
const USAGE =
  '{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":6}}';
const CHAT_TOKENS = said({ input: 15, cacheRead: 4, output: 4, reasoning: 6 });
const extra = `data: {"id":"c","choices":[],"usage":${USAGE}}`;

for (const [name, end] of [
  ["LF", "\n\n"],
  ["CRLF", "\r\n\r\n"],
] as const) {
  const events = [delta("Füß → 鍵"), delta('say \\"usage\\":{}'), ": ping", extra, "data: [DONE]"];
  const stream = events.map((event) => event + end).join("");
  const stripped = events
    .filter((event) => event !== extra)
    .map((event) => event + end)
    .join("");

  test(`a chat stream (${name}) cut anywhere gives the same bytes and the same usage`, () => {
    provedAtEveryOffset(() => streamReader(chatUsage, "nothing"), stream, stream, CHAT_TOKENS);
  });

  test(`the extra usage event (${name}) is taken out wherever the stream is cut, and nothing else`, () => {
    provedAtEveryOffset(() => streamReader(chatUsage, "extra"), stream, stripped, CHAT_TOKENS);
  });
}

test("the extra event is taken out of one chunk that holds it between others", () => {
  const stream = `${delta("a")}\n\n${extra}\n\n${delta("b")}\n\n`;
  const { passed } = run(streamReader(chatUsage, "extra"), [encoder.encode(stream)]);
  expect(passed).toBe(`${delta("a")}\n\n${delta("b")}\n\n`);
});

test("usage in the last chunk with choices, in every chunk, or none: the last word counts and nothing is taken out", () => {
  const inLast = `data: {"choices":[{"delta":{}}],"usage":${USAGE}}\n\ndata: [DONE]\n\n`;
  expect(run(streamReader(chatUsage, "extra"), [encoder.encode(inLast)])).toMatchObject({
    passed: inLast,
    tokens: CHAT_TOKENS,
  });
  const growing = [0, 5, 9].map(
    (n) =>
      `data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":3,"completion_tokens":${n}}}\n\n`,
  );
  const all = growing.join("");
  const every = run(streamReader(chatUsage, "extra"), [encoder.encode(all)]);
  expect(every).toMatchObject({ passed: all, tokens: said({ input: 3, output: 9 }) });
  const none = run(streamReader(chatUsage, "extra"), [encoder.encode(`${delta("four")}\n\n`)]);
  expect(none).toMatchObject({ tokens: null, textBytes: 4 });
});

test("a stream that ends inside an event passes what it got", () => {
  const cut = `${delta("a")}\n\ndata: {"id":"c","cho`;
  for (const strip of ["nothing", "extra"] as const) {
    expect(run(streamReader(chatUsage, strip), [encoder.encode(cut)]).passed).toBe(cut);
  }
});

test("an event without end is passed on and does not grow in memory", () => {
  const reader = streamReader(chatUsage, "extra");
  const chunk = new Uint8Array(65_536).fill(97);
  let passed = 0;
  for (let i = 0; i < 64; i++) passed += reader.pass(chunk)?.length ?? 0;
  expect(passed).toBeGreaterThan(60 * 65_536 - 1_200_000);
});

const MESSAGES_STREAM = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":11,"output_tokens":1}}}',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hällo"}}',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}',
  'event: message_stop\ndata: {"type":"message_stop"}',
]
  .map((event) => `${event}\n\n`)
  .join("");

test("a messages stream cut anywhere: input from its beginning, output from its end", () => {
  provedAtEveryOffset(
    () => streamReader(messagesUsage, "nothing"),
    MESSAGES_STREAM,
    MESSAGES_STREAM,
    said({ input: 25, cacheWrite: 7, cacheRead: 11, output: 15 }),
  );
});

test("a messages stream whose end repeats a total without its parts counts no token twice", () => {
  const start = `"usage":{"input_tokens":9,"cache_creation_input_tokens":556,"cache_creation":{"ephemeral_5m_input_tokens":456,"ephemeral_1h_input_tokens":100},"output_tokens":1}`;
  const end = `"usage":{"cache_creation_input_tokens":556,"output_tokens":15}`;
  const stream = `data: {"type":"message_start","message":{${start}}}\n\ndata: {"type":"message_delta",${end}}\n\n`;
  const { tokens } = run(streamReader(messagesUsage, "nothing"), [encoder.encode(stream)]);
  expect(tokens).toEqual({ ...said({ input: 9, cacheWrite: 456, output: 15 }), cacheWriteLong: 100 });
});

test("a whole answer cut anywhere gives its usage", () => {
  const chat = `{"id":"c","choices":[{"message":{"content":"a \\"usage\\":{} b"}}],"usage":${USAGE},"system_fingerprint":"f"}`;
  provedAtEveryOffset(() => wholeReader(chatUsage), chat, chat, CHAT_TOKENS);
  const spaced = `{\n  "usage" : {\n    "prompt_tokens" : 2 , "completion_tokens" : 0\n  },\n "choices": []\n}\n`;
  provedAtEveryOffset(() => wholeReader(chatUsage), spaced, spaced, said({ input: 2, output: 0 }));
});

test("a usage object inside a tool's input is not the usage of the answer", () => {
  const message =
    '{"id":"m","content":[{"type":"tool_use","input":{"usage":{"input_tokens":0,"output_tokens":0}}}],"usage":{"input_tokens":5,"output_tokens":6}}';
  const reader = wholeReader(messagesUsage);
  expect(run(reader, [encoder.encode(message)]).tokens).toEqual(said({ input: 5, output: 6 }));
  const spoofed = '{"content":[{"input":{"usage":{"input_tokens":0,"output_tokens":0}}}]}';
  expect(run(wholeReader(messagesUsage), [encoder.encode(spoofed)]).tokens).toBeNull();
});

test("a multitude of look-alikes is passed once, beside each other or inside each other", () => {
  const usage = '"usage":{"input_tokens":5,"output_tokens":6}';
  const looksAt = (look: string) => {
    let looks = 0;
    const body = new Proxy(encoder.encode(`{"content":${look},${usage}}`), {
      get(target, name) {
        if (typeof name === "string" && name.charCodeAt(0) <= 0x39) looks++;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const reader = wholeReader(messagesUsage);
    reader.pass(body);
    expect(reader.tokens()).toEqual(said({ input: 5, output: 6 }));
    return looks / body.length;
  };
  for (const n of [100, 8_000]) {
    expect(looksAt(`[${Array(n).fill('{"usage":{}}').join(",")}]`)).toBeLessThan(4);
    expect(looksAt(`${'{"usage":'.repeat(n)}{}${"}".repeat(n)}`)).toBeLessThan(4);
  }
});

test("an answer of which only the end was kept gives its usage", () => {
  const end = 'the end of a text"}],"more":{"usage":{"input_tokens":1}},"usage":{"input_tokens":5},"x":[{}]}';
  expect(run(wholeReader(messagesUsage), [encoder.encode(end)]).tokens).toEqual(said({ input: 5 }));
});

test("zero is zero, null and absent are not said", () => {
  const cases: [DialectUsage, string, Tokens | null][] = [
    [chatUsage, '{"usage":{"prompt_tokens":0,"completion_tokens":0}}', said({ input: 0, output: 0 })],
    [chatUsage, '{"usage":null}', null],
    [chatUsage, "{}", null],
    [chatUsage, '{"usage":{"prompt_tokens":null,"completion_tokens":"7"}}', said({})],
    [chatUsage, '{"usage":{"prompt_tokens":-1,"completion_tokens":1.5}}', said({})],
    [chatUsage, '{"usage":{"prompt_tokens":9007199254740991,"completion_tokens":1000000001}}', said({})],
    [messagesUsage, '{"usage":{"input_tokens":0,"output_tokens":0}}', said({ input: 0, output: 0 })],
    [messagesUsage, '{"usage":{"input_tokens":3,"output_tokens":4', null],
    [messagesUsage, "<html>", null],
  ];
  for (const [dialect, body, tokens] of cases) {
    expect(run(wholeReader(dialect), [encoder.encode(body)]).tokens).toEqual(tokens);
  }
});

test("the buckets of chat usage are disjoint and sum to the total, whether reasoning stands inside or beside", () => {
  const sum = (tokens: Tokens) =>
    [tokens.input, tokens.cacheRead, tokens.cacheWrite, tokens.output, tokens.reasoning].reduce<number>(
      (total, part) => total + (part ?? 0),
      0,
    );
  const inside = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
    completion_tokens_details: { reasoning_tokens: 20 },
  };
  expect(chatUsage.tokensOf(inside)).toEqual({
    input: 30,
    cacheRead: 60,
    cacheWrite: 10,
    output: 30,
    reasoning: 20,
  });
  const beside = { ...inside, total_tokens: 170 };
  expect(sum(chatUsage.tokensOf(inside))).toBe(150);
  expect(sum(chatUsage.tokensOf(beside))).toBe(170);
  expect(
    chatUsage.tokensOf({ prompt_tokens: 10, prompt_cache_hit_tokens: 4, completion_tokens: 1 }),
  ).toMatchObject({
    input: 6,
    cacheRead: 4,
  });
});
