import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { MadeKey } from "./support/admin.ts";
import { goodBody } from "./support/refused.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;
let key: MadeKey;
let url: string;
beforeAll(async () => {
  world = await startWorld();
  key = await world.admin.createKey(world.projectId);
  url = world.gateways[0]?.url ?? "";
});
afterAll(() => world?.stack.stop());

type Steering = Record<string, unknown>;

/** One chat request, through the gateway or straight to the provider, steered. */
function chat(base: string, steering: Steering, body: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${base}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${base === url ? key.secret : "k"}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify(steering),
    },
    body: goodBody({ model: base === url ? "sandbox/story" : "story", max_tokens: 96, ...body }),
  });
}

/** Without the parts that differ from call to call. */
const stable = (text: string) => text.replaceAll(/chatcmpl-\w+/g, "id").replaceAll(/"created":\d+/g, "");

/** Shows the first event that differs, not all of them. */
function expectSame(through: string, direct: string): void {
  const events = stable(through).split("\n\n");
  for (const [index, event] of stable(direct).split("\n\n").entries()) expect(events[index]).toBe(event);
  expect(stable(through).length).toBe(stable(direct).length);
}

interface Logged {
  readonly status: number;
  readonly code: string | null;
  readonly tokens: Record<string, number | null> | null;
}

function logged(requestId: string | null): Promise<Logged> {
  return vi.waitFor(
    async () => {
      const logs = await world.admin.call("GET", `/logs?filter[requestId]=${requestId}`);
      const [entry] = (logs.json as { data: { attributes: Logged }[] }).data;
      if (entry === undefined) throw new Error(`no log of ${requestId} yet`);
      return entry.attributes;
    },
    { timeout: 30_000 },
  );
}

/** A stream with its usage asked for: then nothing of it is the gateway's business. */
const STREAM = { stream: true, stream_options: { include_usage: true } };

describe("the client's bytes are the provider's bytes", () => {
  test.each([1, 2, 3, 5, 17])("when the provider cuts its stream every %i bytes", async (splitBytes) => {
    const direct = await (await chat(world.sandboxUrl, {}, STREAM)).text();
    const through = await (await chat(url, { splitBytes }, STREAM)).text();
    expectSame(through, direct);
  });

  test.each(["gzip", "deflate", "br", "zstd"])(
    "when the provider compresses with %s unasked",
    async (encoding) => {
      for (const body of [{}, STREAM]) {
        const direct = await (await chat(world.sandboxUrl, {}, body)).text();
        const through = await chat(url, { encoding }, body);
        expect(through.status).toBe(200);
        expectSame(await through.text(), direct);
        const { tokens } = await logged(through.headers.get("x-request-id"));
        expect(tokens?.output ?? null).not.toBe(0);
      }
    },
  );
});

describe("tokens are the provider's own or unknown, never a silent zero", () => {
  test.each<[string, Steering, Record<string, unknown>, number | null]>([
    ["whole", {}, {}, 96],
    ["streamed, asked for", {}, STREAM, 96],
    ["streamed, not asked for", {}, { stream: true }, 96],
    ["streamed, in the last chunk", { usageIn: "last" }, { stream: true }, 96],
    ["streamed, in every chunk", { usageIn: "every" }, { stream: true }, 96],
    ["streamed, cut every 3 bytes", { splitBytes: 3 }, { stream: true }, 96],
    ["whole, omitted", { omitUsage: true }, {}, null],
    ["streamed, omitted", { omitUsage: true }, { stream: true }, null],
  ])("%s", async (_name, steering, body, expected) => {
    const answer = await chat(url, steering, body);
    await answer.text();
    const { tokens } = await logged(answer.headers.get("x-request-id"));
    if (expected === null) expect(tokens?.output ?? null).not.toBe(0);
    else expect((tokens?.output ?? 0) + (tokens?.reasoning ?? 0)).toBe(expected);
  });
});

describe("a stream that the provider breaks off", () => {
  const headers = { "x-sandbox": JSON.stringify({ chunks: 8, failAfterChunks: 3 }) };
  const messages = [{ role: "user" as const, content: "tell" }];

  test("raises in the OpenAI client and is never taken for a whole answer", async () => {
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key.secret, maxRetries: 0 });
    const read = async () => {
      const body = { model: "sandbox/story", max_tokens: 96, messages, stream: true as const };
      for await (const _ of await openai.chat.completions.create(body, { headers }));
    };
    await expect(read()).rejects.toThrow();
  });

  test("raises in the Anthropic client and is never taken for a whole answer", async () => {
    const anthropic = new Anthropic({ baseURL: url, apiKey: key.secret, maxRetries: 0 });
    const body = { model: "sandbox/story", max_tokens: 96, messages };
    await expect(anthropic.messages.stream(body, { headers }).finalMessage()).rejects.toThrow();
  });

  test("ends with an error event that names the cause, and is logged as a failure", async () => {
    const answer = await chat(url, { chunks: 8, failAfterChunks: 3 }, { stream: true });
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('"code":"provider_disconnected"');
    expect(text).not.toContain("[DONE]");
    expect((await logged(answer.headers.get("x-request-id"))).code).toBe("provider_disconnected");
  });
});

test("a whole answer that the provider breaks off is never passed on as whole", async () => {
  const outgoing = request(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key.secret}`,
      "content-type": "application/json",
      "x-sandbox": '{"failAfterChunks":1}',
    },
  });
  outgoing.end(goodBody());
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  const broken = await new Promise<boolean>((resolve) => {
    response.once("end", () => resolve(false));
    response.once("error", () => resolve(true));
  });
  const text = Buffer.concat(chunks).toString("utf8");
  expect(broken || (response.statusCode === 502 && text.includes("provider_disconnected"))).toBe(true);
});

test("a redirect of the provider is not followed", async () => {
  const answer = await chat(url, { status: 302 });
  expect(answer.status).toBe(502);
  expect(await answer.text()).not.toContain("169.254");
});

test("x-sandbox is for the sandbox provider: a wrong member comes back as the provider's 400", async () => {
  const answer = await chat(url, { latency: 1 });
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain("latency");
});
