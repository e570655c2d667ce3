/** The caller of the benchmarks: a process of its own that does what the IPC channel asks for, one order at a time. */
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { LoadOrder, LoadReport } from "./load.ts";
import { cpuSecondsOf } from "./processes.ts";

/** However slow a proxy is. */
const WARM_MS_MAX = 40_000;

interface Listener {
  /** The first bytes of a body have come. */
  begun?(): void;
  ended(status: number): void;
}

/** Sends the request on the connection as often as `send` is called; answers are read to their end. */
function caller(port: number, request: Buffer, listener: Listener): { send: () => void; socket: Socket } {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  let head = "";
  let status = 0;
  /** Body bytes to come; −1 while that is not known, −2 when the body is in chunks. */
  let missing = -1;
  let begun = false;
  const begin = (bytes: Buffer): Buffer | undefined => {
    head += bytes.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    missing = length === null ? -2 : Number(length[1]);
    return bytes.subarray(bytes.length - (head.length - end - 4));
  };
  socket.on("data", (bytes: Buffer) => {
    const body = missing === -1 ? begin(bytes) : bytes;
    if (body === undefined) return;
    if (!begun && body.length > 0) {
      begun = true;
      listener.begun?.();
    }
    if (missing >= 0) missing -= body.length;
    if (missing > 0 || (missing === -2 && body.subarray(-5).toString("latin1") !== "0\r\n\r\n")) return;
    head = "";
    missing = -1;
    begun = false;
    listener.ended(status);
  });
  socket.on("error", () => listener.ended(0));
  return { socket, send: () => socket.write(request) };
}

/** As many requests as the proxy can take, and what they cost it. */
async function saturate(order: Extract<LoadOrder, { kind: "saturate" }>): Promise<LoadReport> {
  let done = 0;
  let failed = 0;
  let stopping = false;
  const callers = Array.from({ length: order.connections }, () => {
    const each = caller(order.port, Buffer.from(order.request, "latin1"), {
      ended(status) {
        done++;
        if (status !== 200) failed++;
        if (status !== 0 && !stopping) each.send();
      },
    });
    each.send();
    return each;
  });
  const warmUntilMs = performance.now() + WARM_MS_MAX;
  await pause(order.warmMs);
  while (done < (order.warmRequests ?? 0) && performance.now() < warmUntilMs) await pause(100);
  const before = { done, cpu: cpuSecondsOf(order.pid), ms: performance.now() };
  await pause(order.measureMs);
  const requests = done - before.done;
  const cpuSeconds = cpuSecondsOf(order.pid) - before.cpu;
  const seconds = (performance.now() - before.ms) / 1000;
  stopping = true;
  for (const { socket } of callers) socket.destroy();
  return { kind: "saturate", requests, cpuSeconds, seconds, failed };
}

/** One request after the other, with a pause between them: how long until the first byte of a body. */
async function firstBytes(order: Extract<LoadOrder, { kind: "firstBytes" }>): Promise<LoadReport> {
  const waits: number[] = [];
  let sentMs = 0;
  let failed = 0;
  let ended: () => void = () => undefined;
  const one = caller(order.port, Buffer.from(order.request, "latin1"), {
    begun: () => waits.push(performance.now() - sentMs),
    ended(status) {
      if (status !== 200) failed++;
      ended();
    },
  });
  for (let n = 0; n < order.count; n++) {
    const whole = new Promise<void>((resolve) => {
      ended = resolve;
    });
    sentMs = performance.now();
    one.send();
    await whole;
    await pause(2);
  }
  one.socket.destroy();
  return { kind: "firstBytes", waitsMs: waits, failed };
}

/** Streams that are open at the same time; says when all have begun, and reports when all have ended. */
async function openStreams(order: Extract<LoadOrder, { kind: "openStreams" }>): Promise<LoadReport> {
  let begun = 0;
  let ended = 0;
  let failed = 0;
  await new Promise<void>((resolve) => {
    for (let n = 0; n < order.connections; n++) {
      const each = caller(order.port, Buffer.from(order.request, "latin1"), {
        begun() {
          if (++begun === order.connections) process.send?.({ kind: "allOpen" });
        },
        ended(status) {
          if (status !== 200) failed++;
          each.socket.destroy();
          if (++ended === order.connections) resolve();
        },
      });
      each.send();
    }
  });
  return { kind: "openStreams", failed };
}

function run(order: LoadOrder): Promise<LoadReport> {
  switch (order.kind) {
    case "saturate":
      return saturate(order);
    case "firstBytes":
      return firstBytes(order);
    case "openStreams":
      return openStreams(order);
  }
}

process.on("message", (order: LoadOrder) => {
  void run(order).then((report) => process.send?.(report));
});
process.on("disconnect", () => process.exit());
