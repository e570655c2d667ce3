import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createSandbox, type Sandbox } from "./create-sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

let nextId = 0;
interface Shot {
  readonly id: string;
  readonly outgoing: ClientRequest;
  readonly answer: Promise<IncomingMessage>;
}

function shoot(steering: unknown, body: Record<string, unknown> = {}): Shot {
  nextId += 1;
  const id = `shot-${nextId}`;
  const outgoing = request(`${sandbox.url}/v1/chat/completions`, {
    method: "POST",
    agent: false,
    headers: {
      authorization: "Bearer k",
      "content-type": "application/json",
      "x-request-id": id,
      "x-sandbox": typeof steering === "string" ? steering : JSON.stringify(steering),
    },
  });
  const answer = once(outgoing, "response").then(([response]) => response as IncomingMessage);
  outgoing.end(
    JSON.stringify({ model: "story", max_tokens: 64, messages: [{ role: "user", content: "x" }], ...body }),
  );
  return { id, outgoing, answer };
}

async function collect(response: IncomingMessage): Promise<{ chunks: Buffer[]; broken: boolean }> {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  const broken = await new Promise<boolean>((resolve) => {
    response.once("end", () => resolve(false));
    response.once("error", () => resolve(true));
  });
  return { chunks, broken };
}

async function textOf(shot: Shot): Promise<string> {
  return Buffer.concat((await collect(await shot.answer)).chunks).toString("utf8");
}

const billOf = (id: string) =>
  vi.waitFor(
    () => {
      const [entry] = sandbox.ledger(0, id);
      if (entry === undefined) throw new Error(`no bill for ${id} yet`);
      return entry;
    },
    { timeout: 15_000 },
  );
const contentEvents = (text: string) =>
  text.split("\n\n").filter((event) => event.includes('"delta":{"content":"') && !event.includes('"role"'));

test("latencyMs delays the head, chunkMs each chunk after the first, and chunks counts them", async () => {
  const startedAtMs = performance.now();
  const shot = shoot({ latencyMs: 60, chunkMs: 20, chunks: 5 }, { stream: true });
  await shot.answer;
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(59);
  expect(contentEvents(await textOf(shot))).toHaveLength(5);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(60 + 4 * 19);
});

test("outputTokens is what is said and billed, even above the client's limit", async () => {
  const shot = shoot({ outputTokens: 500 });
  const answer = JSON.parse(await textOf(shot));
  expect(answer.usage.completion_tokens).toBe(500);
  expect(answer.usage.completion_tokens_details.reasoning_tokens).toBe(62);
  expect(await billOf(shot.id)).toMatchObject({ outputTokens: 500, model: "story", aborted: false });
});

test("status answers in the vendor's error shape and bills nothing", async () => {
  for (const status of [400, 429, 500, 503]) {
    const shot = shoot({ status });
    const response = await shot.answer;
    expect(response.statusCode).toBe(status);
    expect(JSON.parse(await textOf(shot)).error.message).toContain(String(status));
    expect(response.headers["retry-after"]).toBe(status === 429 || status === 503 ? "1" : undefined);
    expect(sandbox.ledger(0, shot.id)).toEqual([]);
  }
  const redirect = await shoot({ status: 302 }).answer;
  expect(redirect.headers.location).toContain("169.254.169.254");
  redirect.resume();
});

test("failAfterChunks breaks the connection after so many chunks and bills only those", async () => {
  const shot = shoot({ chunks: 4, failAfterChunks: 2 }, { stream: true });
  const { chunks, broken } = await collect(await shot.answer);
  expect(broken).toBe(true);
  expect(contentEvents(Buffer.concat(chunks).toString("utf8"))).toHaveLength(2);
  expect(await billOf(shot.id)).toMatchObject({ outputTokens: 32, aborted: false });
  const whole = shoot({ failAfterChunks: 1 });
  expect((await collect(await whole.answer)).broken).toBe(true);
});

test("splitBytes changes where the bytes are cut and not one byte", async () => {
  const normalize = (text: string) => text.replaceAll(/chatcmpl-\w+/g, "id").replaceAll(/"created":\d+/g, "");
  const plain = normalize(await textOf(shoot({}, { stream: true, max_tokens: 200 })));
  const shot = shoot({ splitBytes: 7 }, { stream: true, max_tokens: 200 });
  const { chunks } = await collect(await shot.answer);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(1_000);
  expect(chunks.length).toBeGreaterThan(20);
  expect(normalize(Buffer.concat(chunks).toString("utf8"))).toBe(plain);
});

test("a client that leaves is noticed: billing stops, the entry says aborted", async () => {
  const shot = shoot({ chunks: 64, chunkMs: 1_000 }, { stream: true });
  const response = await shot.answer;
  await once(response, "data");
  response.destroy();
  const entry = await billOf(shot.id);
  expect(entry.aborted).toBe(true);
  expect(entry.outputTokens).toBeLessThan(64);
  const early = shoot({ latencyMs: 60_000 });
  early.answer.catch(() => undefined);
  await vi.waitFor(() => expect(sandbox.requests().some((item) => item.requestId === early.id)).toBe(true), {
    timeout: 15_000,
  });
  early.outgoing.destroy();
  expect(await billOf(early.id)).toMatchObject({ aborted: true, outputTokens: 0 });
});

test("keepBillingAfterAbort bills the whole answer all the same", async () => {
  const shot = shoot({ chunks: 64, chunkMs: 20, keepBillingAfterAbort: true }, { stream: true });
  const response = await shot.answer;
  await once(response, "data");
  response.destroy();
  expect(await billOf(shot.id)).toMatchObject({ aborted: true, outputTokens: 64 });
});

test("omitUsage leaves it out of the answer, not out of the ledger", async () => {
  const whole = shoot({ omitUsage: true });
  expect(JSON.parse(await textOf(whole)).usage).toBeUndefined();
  expect(await billOf(whole.id)).toMatchObject({ outputTokens: 64 });
  const stream = shoot({ omitUsage: true }, { stream: true, stream_options: { include_usage: true } });
  expect(await textOf(stream)).not.toContain("completion_tokens");
});

test("usageIn moves a stream's usage into the last chunk or into every chunk", async () => {
  const usages = (text: string) => text.split("\n\n").filter((event) => event.includes('"usage":{')).length;
  const events = (text: string) => text.split("\n\n").filter((event) => event.startsWith("data: {")).length;
  const last = await textOf(shoot({ usageIn: "last" }, { stream: true }));
  expect(usages(last)).toBe(1);
  expect(last).not.toContain('"choices":[]');
  const every = await textOf(shoot({ usageIn: "every" }, { stream: true }));
  expect(usages(every)).toBe(events(every));
});

test("encoding compresses whole answers and streams", async () => {
  const open = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
  for (const [encoding, decode] of Object.entries(open)) {
    for (const stream of [false, true]) {
      const response = await shoot({ encoding }, { stream }).answer;
      expect(response.headers["content-encoding"]).toBe(encoding);
      const text = decode(Buffer.concat((await collect(response)).chunks)).toString("utf8");
      expect(text).toContain(stream ? "data: [DONE]" : '"object":"chat.completion"');
    }
  }
});

test("an unknown or malformed member is refused by name, so that a test's slip is seen", async () => {
  for (const [steering, word] of [
    ["{", "not JSON"],
    [{ latency: 1 }, "latency"],
    [{ chunks: 0 }, "chunks"],
  ]) {
    const shot = shoot(steering);
    expect((await shot.answer).statusCode).toBe(400);
    expect(await textOf(shot)).toContain(word);
  }
});
