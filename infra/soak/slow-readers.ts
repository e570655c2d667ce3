/**
 * `npm run soak -- slow-readers [megabytes]`: fifty callers read streams of 200 MB, each at a few megabytes a second, to
 * their end. The provider would send all of it at once; the gateway's memory grows by less than 50 MB.
 */
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { startProvider } from "../../gateway/src/runtime/node/testing/rig.ts";
import { startGatewayProcess } from "./parts/gateway.ts";

const READERS = 50;
const MEGABYTES = 200;
const MIB = 1024 * 1024;
const GROWTH_BYTES_MAX = 50 * MIB;
const STEP_BYTES = 256 * 1024;
const REST_MS = 50;

let streamBytes = 4 * MIB;
const event = `data: {"choices":[{"delta":{"content":"${"x".repeat(600)}"}}]}\n\n`;
const chunk = Buffer.from(event.repeat(100));
let sentBytes = 0;

const provider = await startProvider((_incoming, out) => {
  out.writeHead(200, { "content-type": "text/event-stream" });
  let left = streamBytes;
  const on = () => {
    while (left > 0 && !out.destroyed) {
      left -= chunk.length;
      sentBytes += chunk.length;
      if (!out.write(chunk)) return;
    }
    if (left <= 0) out.end("data: [DONE]\n\n");
  };
  out.on("drain", on);
  on();
});
const gateway = await startGatewayProcess(provider.url);

/** Takes a step, rests, takes the next; resolves with what it has read once the answer has ended. */
function readSlowly(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let step = 0;
    let last = "";
    socket.on("data", (data) => {
      bytes += data.length;
      step += data.length;
      last = (last + data.subarray(-32).toString("latin1")).slice(-32);
      if (last.includes("[DONE]")) socket.end();
      if (step < STEP_BYTES) return;
      step = 0;
      socket.pause();
      setTimeout(() => socket.resume(), REST_MS);
    });
    socket.on("close", () => {
      if (last.includes("[DONE]")) resolve(bytes);
      else reject(new Error("a stream broke off"));
    });
  });
}

const BODY = '{"model":"echo","stream":true}';
const inMiB = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
try {
  // The first ones also pay for code that is made once, and for the heap's own room.
  await Promise.all(Array.from({ length: READERS }, () => readSlowly(gateway.ask(BODY))));
  streamBytes = Number(process.argv[2] ?? MEGABYTES) * MIB;
  sentBytes = 0;
  const before = await gateway.look();
  let most = before;
  let reading = true;
  const beganMs = performance.now();
  const readers = Array.from({ length: READERS }, () => readSlowly(gateway.ask(BODY)));
  const all = Promise.all(readers).finally(() => {
    reading = false;
  });
  while (reading) {
    await pause(1_000);
    const held = await gateway.look();
    if (held.rssBytes > most.rssBytes) most = held;
  }
  const readBytes = (await all).reduce((sum, bytes) => sum + bytes, 0);
  const growth = most.rssBytes - before.rssBytes;
  const seconds = (performance.now() - beganMs) / 1000;
  console.log(
    `  ${READERS} readers, ${inMiB(readBytes)} in ${seconds.toFixed(0)} s, sent ${inMiB(sentBytes)}`,
  );
  console.log(
    `  resident: ${inMiB(before.rssBytes)}, at most ${inMiB(most.rssBytes)}, growth ${inMiB(growth)}`,
  );
  if (growth >= GROWTH_BYTES_MAX) throw new Error(`more than ${inMiB(GROWTH_BYTES_MAX)}`);
} finally {
  await gateway.stop();
  await provider.stop();
}
