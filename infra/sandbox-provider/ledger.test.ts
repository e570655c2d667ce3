import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "./create-sandbox.ts";
import type { Ask } from "./dialect.ts";
import { replyTo } from "./reply.ts";
import { cutIntoPieces, tokenCount } from "./text.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

async function chat(credential: string, requestId: string, content = "hello there"): Promise<Response> {
  return fetch(`${sandbox.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${credential}`,
      "content-type": "application/json",
      "x-request-id": requestId,
    },
    body: JSON.stringify({ model: "echo", messages: [{ role: "user", content }] }),
  });
}

test("the ledger has the documented members, since filters by start and requestId by id", async () => {
  await (await chat("k", "first")).text();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const sinceMs = Date.now();
  const usage = (await (await chat("k", "second")).json()).usage;
  const read = async (query: string) => (await fetch(`${sandbox.url}/__ledger${query}`)).json();
  const entries = await read(`?since=${sinceMs}`);
  expect(entries).toHaveLength(1);
  expect(Object.keys(entries[0])).toEqual([
    "requestId",
    "model",
    "inputTokens",
    "outputTokens",
    "nanos",
    "startedAt",
    "finishedAt",
    "aborted",
  ]);
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage;
  const { cached_tokens } = prompt_tokens_details;
  const nanos = (prompt_tokens - cached_tokens) * 1_000 + cached_tokens * 100 + completion_tokens * 2_000;
  expect(entries[0]).toMatchObject({
    requestId: "second",
    inputTokens: prompt_tokens,
    outputTokens: completion_tokens,
    nanos,
  });
  expect(await read("?requestId=first")).toHaveLength(1);
  expect(await read("")).toHaveLength(2);
});

test("what arrived is recorded byte for byte, without any credential", async () => {
  const sinceMs = Date.now();
  await (await chat("a-secret-value", "recorded", "bytes 🗝")).text();
  await (await chat("bad-secret", "refused")).text();
  const text = await (await fetch(`${sandbox.url}/__requests?since=${sinceMs}`)).text();
  expect(text).not.toContain("secret");
  const [recorded, refused] = JSON.parse(text).requests;
  expect(recorded.requestId).toBe("recorded");
  expect(JSON.parse(Buffer.from(recorded.bodyBase64, "base64").toString("utf8")).messages[0].content).toBe(
    "bytes 🗝",
  );
  expect(refused.requestId).toBe("refused");
  expect(sandbox.ledger(0, "refused")).toEqual([]);
});

test("a text never has more tokens than bytes, and pieces join to the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, count) => {
      expect(tokenCount(text)).toBeLessThanOrEqual(Buffer.byteLength(text));
      expect(cutIntoPieces(text, count).join("")).toBe(text);
      expect(cutIntoPieces(text, count)).toHaveLength(count);
    }),
  );
});

test("without steering the output never exceeds the client's limit, and reasoning is part of it", () => {
  const arbitrary = fc.record({
    model: fc.constantFrom("echo" as const, "story" as const),
    lastText: fc.string({ unit: "grapheme", maxLength: 200 }),
    inputTokens: fc.nat(10_000),
    outputTokensMax: fc.integer({ min: 1, max: 300 }),
    writesCache: fc.boolean(),
    json: fc.constantFrom(null, { schema: undefined }),
    tools: fc.constantFrom([], ["a"]),
  });
  fc.assert(
    fc.property(arbitrary, (fields) => {
      const ask: Ask = { stream: false, choices: 1, toolForced: "any", includeUsage: false, ...fields };
      const reply = replyTo(ask, {});
      expect(reply.tokens.output).toBeLessThanOrEqual(fields.outputTokensMax);
      expect(reply.reasoningTokens).toBeLessThanOrEqual(reply.tokens.output);
      expect(reply.tokens.fresh + reply.tokens.cached + reply.tokens.cacheWrite).toBe(fields.inputTokens);
      expect(replyTo(ask, {})).toEqual(reply);
    }),
  );
});
