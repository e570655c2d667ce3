import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { type Provider, startProvider } from "./testing/rig.ts";

const READERS = 50;
const STREAM_BYTES = 200 * 1024 * 1024;
const GROWTH_BYTES_MAX = 50 * 1024 * 1024;
const EVENT = `data: {"choices":[{"delta":{"content":"${"x".repeat(600)}"}}]}\n\n`;
const EVENTS = Buffer.from(EVENT.repeat(100));

let provider: Provider;
let child: ChildProcess;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  child.disconnect();
  await once(child, "exit");
  await provider.stop();
});

/** What the provider has got rid of, in all. */
async function startSlowStage(headers: Record<string, string>, chunk: Buffer) {
  const sent = { bytes: 0, streams: 0 };
  const flood = (outgoing: ServerResponse) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream", ...headers });
    sent.streams++;
    let left = STREAM_BYTES;
    const on = () => {
      while (left > 0 && !outgoing.destroyed) {
        left -= chunk.length;
        sent.bytes += chunk.length;
        if (!outgoing.write(chunk)) return;
      }
      if (left <= 0) outgoing.end();
    };
    outgoing.on("drain", on);
    on();
  };
  provider = await startProvider((_incoming, outgoing) => flood(outgoing));
  const script = new URL("./testing/gateway-process.ts", import.meta.url);
  child = fork(script, [provider.url], { execArgv: ["--expose-gc"] });
  const [{ url, secret }] = (await once(child, "message")) as [{ url: string; secret: string }];
  return { sent, port: Number(new URL(url).port), secret };
}

async function look(): Promise<{ heldBytes: number; inflight: number }> {
  child.send("look");
  const [seen] = (await once(child, "message")) as [{ heldBytes: number; inflight: number }];
  return seen;
}

/** A caller that asks and never reads. */
function askAndWait(port: number, secret: string): void {
  const body = '{"model":"echo","stream":true}';
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.pause();
  socket.write(head + body);
  sockets.push(socket);
}

// Packed, a stream of one letter is a thousandth of itself: every chunk of it is a small bomb.
test.each([
  ["plain", {}, EVENTS],
  ["packed", { "content-encoding": "gzip" }, gzipSync(Buffer.concat(Array<Buffer>(256).fill(EVENTS)))],
] as const)(
  "50 callers that do not read their 200 MB (%s) cost less than 50 MB, for the provider is held back",
  async (_name, headers, chunk) => {
    const { sent, port, secret } = await startSlowStage(headers, chunk);
    const hold = async (readers: number) => {
      for (let n = 0; n < readers; n++) askAndWait(port, secret);
      await expect.poll(() => sent.streams, { timeout: 30_000 }).toBe(sockets.length);
      for (let bytes = -1; bytes !== sent.bytes; await pause(500)) bytes = sent.bytes;
    };
    // The first ones also pay for code that is made once.
    await hold(5);
    const before = await look();
    await hold(READERS);
    const held = await look();
    expect(held.inflight).toBe(READERS + 5);
    expect(held.heldBytes - before.heldBytes).toBeLessThan(GROWTH_BYTES_MAX);
    expect(sent.bytes).toBeLessThan((READERS * STREAM_BYTES) / 2);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(async () => (await look()).inflight, { timeout: 30_000 }).toBe(0);
  },
  120_000,
);
