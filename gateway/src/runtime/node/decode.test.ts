import type { ServerResponse } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

const EVENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"鍵 🗝"}}]}\n\n';
const EXTRA = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}\n\n';
const DONE = "data: [DONE]\n\n";
const WHOLE = '{"choices":[{"message":{"content":"鍵"}}],"usage":{"prompt_tokens":12,"completion_tokens":3}}';
const PACKERS = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;

let behave: (outgoing: ServerResponse, body: string) => void;
let provider: Provider;
let gateway: TestGateway;
beforeAll(async () => {
  provider = await startProvider((_incoming, outgoing, body) => behave(outgoing, body));
});
afterAll(() => provider.stop());
beforeEach(async () => {
  gateway = await startGateway(provider);
  return () => gateway.stop();
});

const ask = (body: string) =>
  call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(gateway.table.addKey().secret, { "accept-encoding": "gzip, br, zstd" }),
    body,
  });

test.each(Object.entries(PACKERS))(
  "%s that nobody asked for is undone: plain bytes out, metered, stripped, cut anywhere",
  async (encoding, pack) => {
    const stream = pack(EVENT + EXTRA + DONE);
    for (const size of [stream.length, 7, 1]) {
      behave = (out) => {
        out.writeHead(200, { "content-type": "text/event-stream", "content-encoding": encoding });
        for (let at = 0; at < stream.length; at += size) out.write(stream.subarray(at, at + size));
        out.end();
      };
      const before = gateway.ledger.settlements.length;
      const answer = await ask('{"model":"echo","stream":true}');
      expect(answer.headers["content-encoding"]).toBeUndefined();
      expect(answer.body).toBe(EVENT + DONE);
      await gateway.ledger.settledCount(before + 1);
      expect(gateway.ledger.settlements.at(-1)).toMatchObject({
        basis: "provider",
        tokens: { input: 12, output: 3 },
      });
    }
    const whole = pack(WHOLE);
    behave = (out) => {
      const length = { "content-length": String(whole.length) };
      out.writeHead(200, { "content-type": "application/json", "content-encoding": encoding, ...length });
      out.end(whole);
    };
    const before = gateway.ledger.settlements.length;
    const answer = await ask('{"model":"echo"}');
    expect([answer.body, answer.broken]).toEqual([WHOLE, false]);
    await gateway.ledger.settledCount(before + 1);
    expect(gateway.ledger.settlements.at(-1)).toMatchObject({
      basis: "provider",
      tokens: { input: 12, output: 3 },
    });
  },
);

test("content that is not what its header says, or is cut, is the provider's bad answer and ends with an error", async () => {
  behave = (out) => {
    out.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    out.end(WHOLE);
  };
  const garbage = await ask('{"model":"echo"}');
  expect([garbage.status, garbage.headers["x-claviger-code"]]).toEqual([502, "provider_bad_response"]);
  behave = (out) => {
    const packed = gzipSync(EVENT.repeat(2_000));
    out.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
    out.end(packed.subarray(0, packed.length - 20));
  };
  const cut = await ask('{"model":"echo","stream":true}');
  expect(cut.body).toContain('"code":"provider_bad_response"');
  await vi.waitFor(() => expect(gateway.gateway.inflight()).toBe(0), { timeout: 15_000 });
});

test.each(Object.keys(PACKERS))(
  "an answer that says %s and has no content is the answer",
  async (encoding) => {
    behave = (out) => {
      out.writeHead(404, { "content-type": "application/json", "content-encoding": encoding });
      out.end();
    };
    const answer = await ask('{"model":"echo"}');
    expect([answer.status, answer.broken]).toEqual([404, false]);
    expect(answer.headers["content-encoding"]).toBeUndefined();
  },
);

test("a header whose value reads like the name of another one hides no encoding", async () => {
  behave = (out) => {
    const vary = { vary: "content-encoding" };
    out.writeHead(200, { ...vary, "content-type": "application/json", "content-encoding": "gzip" });
    out.end(gzipSync(WHOLE));
  };
  const answer = await ask('{"model":"echo"}');
  expect([answer.body, answer.broken]).toEqual([WHOLE, false]);
});

test("a bomb ends at the limit of an answer", async () => {
  const bomb = gzipSync(`{${" ".repeat(80 * 1024 * 1024)}}`);
  behave = (out) => {
    out.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    out.end(bomb);
  };
  const answer = await ask('{"model":"echo"}');
  expect(answer.broken).toBe(true);
  await gateway.ledger.settledCount(1);
  expect(gateway.ledger.settlements[0]?.code).toBe("provider_response_too_large");
});
