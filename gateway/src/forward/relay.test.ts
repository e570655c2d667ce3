import { refuse } from "@claviger/shared/decide/refusals";
import type { Usage } from "@claviger/shared/money/cost";
import { expect, test } from "vitest";
import type { Answer, Upstream, UpstreamListener } from "../ports.ts";
import type { Admission } from "../rooms.ts";
import { Relay } from "./relay.ts";
import type { Outcome, RelayJob } from "./relay-job.ts";
import { chatUsage, type DialectUsage, geminiUsage, messagesUsage } from "./usage/dialect-usage.ts";

const EVENT = 'data: {"choices":[{"delta":{"content":"four"}}],"usage":null}\n\n';
const LAST = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n';
const bytes = (text: string) => new TextEncoder().encode(text);

/** A caller whose reading and leaving the test decides. */
function fakeCaller() {
  const told = { status: 0, text: "", ended: false, cut: false };
  const caller = { gone: () => {}, drained: () => {}, full: false };
  const answer: Answer = {
    get begun() {
      return told.status !== 0;
    },
    head(status) {
      told.status = status;
    },
    write(chunk) {
      told.text += new TextDecoder().decode(chunk);
      return !caller.full;
    },
    end(chunk) {
      told.text += chunk === undefined ? "" : new TextDecoder().decode(chunk);
      told.ended = true;
    },
    cut() {
      told.cut = true;
    },
    onDrained(then) {
      caller.drained = then;
    },
    onGone(then) {
      caller.gone = then;
    },
  };
  return { told, caller, answer };
}

/** A relay between a caller and a provider that the test plays. */
function stage(changes: Partial<RelayJob> = {}) {
  const { told, caller, answer } = fakeCaller();
  const call = { paused: false, closed: false };
  let provider: UpstreamListener | undefined;
  const upstream: Upstream = {
    open(_request, listener) {
      provider = listener;
      return {
        pause() {
          call.paused = true;
        },
        resume() {
          call.paused = false;
        },
        close() {
          call.closed = true;
        },
      };
    },
    close: async () => undefined,
  };
  const outcomes: Outcome[] = [];
  const clock = { nowMs: 0, wallMs: () => 0, monoMs: () => clock.nowMs };
  const job: RelayJob = {
    admission: {} as Admission,
    requestId: "req_000000000001",
    answer,
    dialect: "openai",
    eventDialect: "openai",
    usage: chatUsage,
    request: {
      ...{ origin: "https://x", path: "/", method: "POST", headers: [] },
      ...{ body: [bytes("x".repeat(400))], headersTimeoutMs: 1, idleTimeoutMs: 1 },
    },
    ours: [],
    strip: "extra",
    otherAnswers: undefined,
    textBytes: 400,
    mayDrain: () => false,
    failed: undefined,
    headWaits: false,
    settled: (outcome) => outcomes.push(outcome),
    ...changes,
  };
  const limits = {
    streamMsMax: 1000,
    answerBytesMax: 1000,
    streamBytesMax: 1000,
    stallMsMax: 100,
    drainMsMax: 300,
  };
  const relay = new Relay(job, upstream, clock, limits);
  relay.start();
  if (provider === undefined) throw new Error("not opened");
  return { relay, provider, caller, call, told, outcomes, clock };
}

const SSE = ["content-type", "text/event-stream"];

test("where leaving does not stop the meter, the call is read on for its usage and charged by it", () => {
  const { provider, caller, call, told, outcomes } = stage({ mayDrain: () => true });
  provider.head(200, SSE);
  caller.full = true;
  provider.data(bytes(EVENT));
  expect(call.paused).toBe(true);
  caller.gone();
  expect(call).toEqual({ paused: false, closed: false });
  provider.data(bytes(EVENT + LAST));
  expect(told.text).toBe(EVENT);
  provider.end();
  expect(outcomes).toMatchObject([
    { status: 499, code: "client_closed", basis: "provider", tokens: { input: 7, output: 3 } },
  ]);
});

test("an abandoned call that brings no usage in time is closed and charged by its bound", () => {
  const { relay, provider, caller, call, outcomes } = stage({ mayDrain: () => true });
  provider.head(200, SSE);
  provider.data(bytes(EVENT));
  caller.gone();
  relay.tick(299);
  expect(outcomes).toEqual([]);
  relay.tick(300);
  expect(call.closed).toBe(true);
  expect(outcomes).toMatchObject([{ basis: "bounded", tokens: { input: 100, output: 1 } }]);
});

test("a revocation closes an abandoned call at once", () => {
  const { relay, provider, caller, call, outcomes } = stage({ mayDrain: () => true });
  provider.head(200, SSE);
  caller.gone();
  relay.abort(refuse("key_revoked"));
  expect(call.closed).toBe(true);
  expect(outcomes).toHaveLength(1);
});

test("whatever comes after the settlement, a request is settled once", () => {
  const { relay, provider, caller, call, outcomes } = stage();
  provider.head(200, SSE);
  provider.data(bytes(EVENT));
  caller.gone();
  caller.gone();
  relay.abort(refuse("key_revoked"));
  relay.tick(1e9);
  provider.failed("disconnected");
  provider.end();
  expect(outcomes).toMatchObject([{ status: 499, code: "client_closed", basis: "bounded" }]);
  expect(call.closed).toBe(true);
});

test("a caller that left before the call was opened costs nothing", () => {
  let opened = false;
  const outcomes: Outcome[] = [];
  const { relay } = stage();
  const gone: Answer = {
    ...relay.job.answer,
    begun: false,
    onGone: (then) => then(),
    onDrained: () => undefined,
  };
  const upstream: Upstream = {
    open() {
      opened = true;
      throw new Error("opened");
    },
    close: async () => undefined,
  };
  const job = { ...relay.job, answer: gone, settled: (outcome: Outcome) => void outcomes.push(outcome) };
  const limits = {
    streamMsMax: 1,

    answerBytesMax: 1,
    streamBytesMax: 1,
    stallMsMax: 1,
    drainMsMax: 1,
  };
  new Relay(job, upstream, { wallMs: () => 0, monoMs: () => 0 }, limits).start();
  expect(opened).toBe(false);
  expect(outcomes).toMatchObject([{ status: 499, tokens: { input: 0, output: 0 } }]);
});

test.each<[string, number, string[], "provider" | "bounded"]>([
  ["too large", 200, ["content-type", "application/json", "content-length", "1001"], "bounded"],
  ["without a type", 200, [], "bounded"],
  ["of a type that nobody reads", 201, ["content-type", "text/html"], "bounded"],
  ["of something in front of the provider", 502, ["content-type", "text/html"], "bounded"],
  ["of a provider that failed", 500, ["content-type", "application/json"], "provider"],
  ["of a provider that refused", 429, ["content-type", "application/json"], "provider"],
])(
  "an answer that is refused by its head, %s, costs nothing only where nobody bills it",
  (_name, status, flat, basis) => {
    const { provider, call, outcomes } = stage();
    provider.head(status, flat);
    expect(call.closed).toBe(true);
    const input = basis === "bounded" ? 100 : 0;
    expect(outcomes).toMatchObject([{ basis, tokens: { input } }]);
  },
);

const MESSAGE =
  'data: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}\n\n' +
  'data: {"type":"content_block_delta","delta":{"text":"twelve bytes"}}\n\n';
const GEMINI =
  'data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":6}}\n\n';

test.each<[string, DialectUsage, string, Partial<Usage>]>([
  ["after its beginning", messagesUsage, MESSAGE, { input: 25, output: 3 }],
  [
    "with an error",
    messagesUsage,
    `${MESSAGE}event: error\ndata: {"type":"error"}\n\n`,
    { input: 25, output: 3 },
  ],
  ["before it has finished", geminiUsage, GEMINI, { input: 8, output: 6 }],
])(
  "a stream that ends cleanly %s is charged by its bound, and never below what was said",
  (_name, usage, text, tokens) => {
    const { provider, outcomes } = stage({ usage, strip: "nothing" });
    provider.head(200, SSE);
    provider.data(bytes(text));
    provider.end();
    expect(outcomes).toMatchObject([{ status: 200, code: null, basis: "bounded", tokens }]);
  },
);
