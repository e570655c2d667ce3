import type { Usage } from "@claviger/shared/money/cost";
import { expect, test } from "vitest";
import {
  chatUsage,
  completionsUsage,
  type DialectUsage,
  geminiArrayUsage,
  geminiUsage,
  imagesUsage,
  messagesUsage,
  responsesUsage,
  speechUsage,
  transcriptUsage,
} from "./dialect-usage.ts";
import type { UsageReader } from "./reader.ts";
import { type Strip, streamReader } from "./stream.ts";
import { wholeReader } from "./whole.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function run(reader: UsageReader, chunks: readonly Uint8Array[]) {
  const passed: Uint8Array[] = [];
  for (const chunk of chunks) {
    // The caller's socket may hold what it was given while the next chunk is read.
    const part = reader.pass(chunk.slice());
    if (part !== undefined) passed.push(part);
  }
  const rest = reader.finish();
  if (rest !== undefined) passed.push(rest);
  const [tokens, isLast, text] = [reader.tokens(), reader.isLast(), reader.textBytes()];
  return { passed: decoder.decode(Buffer.concat(passed)), tokens, isLast, text };
}

/** At every byte offset and in single bytes. */
function provedAtEveryOffset(make: () => UsageReader, input: string, output: string, tokens: Usage | null) {
  const bytes = encoder.encode(input);
  const whole = run(make(), [bytes]);
  expect(whole).toMatchObject({ passed: output, tokens, isLast: true });
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(run(make(), [bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
  }
  expect(
    run(
      make(),
      Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
    ),
  ).toEqual(whole);
}

const said = (usage: Partial<Usage>): Usage => ({
  ...{ input: null, cacheRead: null, cacheWrite: null, output: null, reasoning: null },
  ...usage,
});

interface Fixture {
  readonly name: string;
  readonly dialect: DialectUsage;
  /** Lines of each event. */
  readonly events: readonly (readonly string[])[];
  readonly usage: Usage;
}

const CHAT_USAGE =
  '{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":6,"audio_tokens":0}}';
const CHAT_SAID = said({ input: 15, cacheRead: 4, output: 4, reasoning: 6, audioInput: 0, audioOutput: 0 });

const fixtures: readonly Fixture[] = [
  {
    name: "chat",
    dialect: chatUsage,
    events: [
      [
        'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"obfuscation":"x"}',
      ],
      ['data: {"id":"c","choices":[{"index":0,"delta":{"content":"Füß → 鍵 🗝"}}]}'],
      ['data: {"id":"c","choices":[{"index":0,"delta":{"content":"say \\"usage\\":null and {"}}]}'],
      [": ping"],
      [`data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":${CHAT_USAGE}}`],
      ["data: [DONE]"],
    ],
    usage: CHAT_SAID,
  },
  {
    name: "completions",
    dialect: completionsUsage,
    events: [
      ['data: {"id":"c","choices":[{"text":"鍵","index":0}]}'],
      [`data: {"id":"c","choices":[],"usage":${CHAT_USAGE}}`],
      ["data: [DONE]"],
    ],
    usage: CHAT_SAID,
  },
  {
    name: "responses",
    dialect: responsesUsage,
    events: [
      ["event: response.created", 'data: {"type":"response.created","response":{"id":"r","usage":null}}'],
      ["event: response.output_text.delta", 'data: {"type":"response.output_text.delta","delta":"鍵 🗝"}'],
      [
        "event: response.completed",
        'data: {"type":"response.completed","response":{"id":"r","output":[],"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":5},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":29}}}',
      ],
    ],
    usage: said({ input: 15, cacheRead: 5, output: 7, reasoning: 2 }),
  },
  {
    name: "messages",
    dialect: messagesUsage,
    events: [
      [
        "event: message_start",
        'data: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":7,"cache_read_input_tokens":11,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":3},"output_tokens":1}}}',
      ],
      [
        "event: content_block_delta",
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hällo 🗝"}}',
      ],
      [
        "event: message_delta",
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15,"server_tool_use":{"web_search_requests":2}}}',
      ],
      ["event: message_stop", 'data: {"type":"message_stop"}'],
    ],
    usage: said({ input: 25, cacheRead: 11, cacheWrite: 4, cacheWriteLong: 3, output: 15, searches: 2 }),
  },
  {
    name: "gemini",
    dialect: geminiUsage,
    events: [
      [
        'data: {"candidates": [{"content": {"parts": [{"text": "鍵"}]}}],"usageMetadata": {"promptTokenCount": 8,"candidatesTokenCount": 1}}',
      ],
      [
        'data: {"candidates": [{"finishReason": "STOP"}],"usageMetadata": {"promptTokenCount": 8,"cachedContentTokenCount": 3,"candidatesTokenCount": 5,"thoughtsTokenCount": 4,"totalTokenCount": 17}}',
      ],
    ],
    usage: said({ input: 5, cacheRead: 3, output: 5, reasoning: 4 }),
  },
  {
    name: "images",
    dialect: imagesUsage,
    events: [
      ['data: {"type":"image_generation.partial_image","b64_json":"aGk="}'],
      [
        'data: {"type":"image_generation.completed","b64_json":"aGk=","usage":{"input_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens":100,"total_tokens":150}}',
      ],
    ],
    usage: said({ input: 10, imageInput: 40, imageOutput: 100 }),
  },
  {
    name: "transcript",
    dialect: transcriptUsage,
    events: [
      ['data: {"type":"transcript.text.delta","delta":"鍵"}'],
      [
        'data: {"type":"transcript.text.done","text":"鍵","usage":{"type":"tokens","input_tokens":30,"input_token_details":{"text_tokens":2,"audio_tokens":28},"output_tokens":3,"total_tokens":33}}',
      ],
    ],
    usage: said({ input: 2, audioInput: 28, output: 3 }),
  },
  {
    name: "speech",
    dialect: speechUsage,
    events: [
      ['data: {"type":"speech.audio.delta","audio":"aGk="}'],
      ['data: {"type":"speech.audio.done","usage":{"input_tokens":4,"output_tokens":90,"total_tokens":94}}'],
    ],
    usage: said({ input: 4, audioOutput: 90 }),
  },
];

const ENDS = { LF: "\n", CRLF: "\r\n", "lone CR": "\r" } as const;

for (const { name, dialect, events, usage } of fixtures) {
  for (const [ending, end] of Object.entries(ENDS)) {
    for (const space of [true, false]) {
      const stream = events
        .map(
          (lines) =>
            lines.map((line) => (space ? line : line.replace(/^data: /, "data:")) + end).join("") + end,
        )
        .join("");
      test(`a ${name} stream (${ending}, ${space ? "" : "no "}space) cut anywhere: same bytes, same usage`, () => {
        provedAtEveryOffset(() => streamReader(dialect, "nothing"), stream, stream, usage);
      });
    }
  }
}

const asked = (stream: string) => stream.replaceAll("}]}", '}],"usage":null}');

test.each(Object.entries(ENDS))(
  "what comes of asking for usage is taken out wherever a stream (%s) is cut",
  (_, end) => {
    const direct = [
      'data: {"id":"c","choices":[{"index":0,"delta":{"content":"a \\"usage\\":null} 鍵"}}]}',
      'data: {"id":"c","choices":[{"index":0,"delta":{"content":"b","x":{"usage":null}}}]}',
      ": ping",
      'data: {"id":"c","choices":[{"index":0,"delta":{"content":"c"}}]}',
    ];
    const done = "data: [DONE]";
    const extra = `data: {"id":"c","choices":[],"usage":${CHAT_USAGE}}`;
    const events = (list: readonly string[]) => list.map((event) => event + end + end).join("");
    const read = (strip: Strip) => () => streamReader(chatUsage, strip);
    const sent = events([...direct.map(asked), extra, done]);
    provedAtEveryOffset(read("extra and nulls"), sent, events([...direct, done]), CHAT_SAID);
    provedAtEveryOffset(read("extra"), sent, events([...direct.map(asked), done]), CHAT_SAID);
    provedAtEveryOffset(read("nothing"), sent, sent, CHAT_SAID);
  },
);

test("a null usage goes with one comma, wherever among the members it stands and however it is spaced", () => {
  const cases: [string, string][] = [
    ['{"usage":null,"a":1}', '{"a":1}'],
    ['{ "a" : 1 , "usage" : null }', '{ "a" : 1  }'],
    ['{"a":1,"usage":null,"b":[{"usage":null}]}', '{"a":1,"b":[{"usage":null}]}'],
    ['{"usage":nullable}', '{"usage":nullable}'],
    ['{"a":{"usage":null}}', '{"a":{"usage":null}}'],
  ];
  for (const [sent, passed] of cases) {
    const reader = streamReader(chatUsage, "extra and nulls");
    expect(run(reader, [encoder.encode(`data: ${sent}\n\n`)]).passed).toBe(`data: ${passed}\n\n`);
  }
});

test("a stream of Gemini's that is one list tells the usage of its last answer, wherever it is cut", () => {
  const list =
    '[{"candidates": [{"content": {"parts": [{"text": "鍵"}]}}],\n "usageMetadata": {"promptTokenCount": 8,"candidatesTokenCount": 1}}\n,\r\n{"candidates": [{"finishReason": "STOP", "x": {"usageMetadata": {"promptTokenCount": 1}}}], "usageMetadata": {"promptTokenCount": 8,"candidatesTokenCount": 6}}]\n';
  provedAtEveryOffset(() => wholeReader(geminiArrayUsage), list, list, said({ input: 8, output: 6 }));
  const one = '{"candidates": [], "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 6}}';
  provedAtEveryOffset(() => wholeReader(geminiUsage), one, one, said({ input: 8, output: 6 }));
});

test("images are counted where no tokens are told, wherever the answer is cut, and never beside tokens", () => {
  const list = '{"created":1,"data":[{"b64_json":"aGk="},{"b64_json":"aGk=","revised_prompt":"\\"url\\""}]}';
  provedAtEveryOffset(() => wholeReader(imagesUsage), list, list, said({ images: 2 }));
  const told = '{"data":[{"b64_json":"aGk="}],"usage":{"input_tokens":5,"output_tokens":7}}';
  provedAtEveryOffset(() => wholeReader(imagesUsage), told, told, said({ input: 5, imageOutput: 7 }));
});

test("usage in the last event, in every event, null until then, zero, or absent", () => {
  const read = (...usages: string[]) => {
    const stream = usages.map((usage) => `data: {"choices":[{"delta":{"content":"four"}}]${usage}}\n\n`);
    return run(streamReader(chatUsage, "nothing"), [encoder.encode(stream.join(""))]);
  };
  const one = ',"usage":{"prompt_tokens":3,"completion_tokens":1}';
  const two = ',"usage":{"prompt_tokens":3,"completion_tokens":2}';
  const zero = ',"usage":{"prompt_tokens":0,"completion_tokens":0}';
  expect(read("", "", two).tokens).toEqual(said({ input: 3, output: 2 }));
  expect(read(one, two).tokens).toEqual(said({ input: 3, output: 2 }));
  expect(read(',"usage":null', two).tokens).toEqual(said({ input: 3, output: 2 }));
  expect(read(two, ',"usage":null').tokens).toEqual(said({ input: 3, output: 2 }));
  expect(read(zero).tokens).toEqual(said({ input: 0, output: 0 }));
  expect(read("", "")).toMatchObject({ tokens: null, text: 8 });
  expect(read(',"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":2}}').tokens).toEqual(
    said({ input: 3, output: 2 }),
  );
});

const start = '{"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}';
const running =
  '{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":8}}';
const finished = '{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":8}}';
const blocked = '{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8}}';

test.each<[string, DialectUsage, string[], boolean]>([
  ["its beginning", messagesUsage, [start], false],
  ["an error", messagesUsage, [start, '{"type":"error","error":{"type":"overloaded_error"}}'], false],
  ["its end", messagesUsage, [start, '{"type":"message_delta","usage":{"output_tokens":9}}'], true],
  ["what was used so far", geminiUsage, [running, running], false],
  ["the end of one of two candidates", geminiUsage, [finished, running], false],
  ["the end of all candidates", geminiUsage, [running, finished], true],
  ["the end and a sum after it", geminiUsage, [finished, '{"usageMetadata":{"promptTokenCount":8}}'], true],
  ["a blocked prompt", geminiUsage, [blocked], true],
])("a stream that ends with %s has had the last word of its usage or not", (_, dialect, events, isLast) => {
  const stream = events.map((event) => `data: ${event}\n\n`).join("");
  expect(run(streamReader(dialect, "nothing"), [encoder.encode(stream)])).toMatchObject({ isLast });
  if (dialect !== geminiUsage || events.length > 2) return;
  const list = `[${events.join(",")}]`;
  const one = events.some((event) => event.includes("Reason"));
  expect(run(wholeReader(geminiArrayUsage), [encoder.encode(list)])).toMatchObject({ isLast: one });
});
