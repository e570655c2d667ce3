/**
 * `npm run soak -- aborts [callers]`: a thousand callers leave, in every phase of a request. The provider feels each within a
 * second, and afterwards the gateway holds no socket and no request.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { startProvider } from "../../gateway/src/runtime/node/testing/rig.ts";
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { startGatewayProcess } from "./parts/gateway.ts";

const CALLERS = 1_000;
const AT_ONCE = 25;
const FELT_MS_MAX = 1_000;
const QUIET_MS_MAX = 10_000;

const EVENT = 'data: {"choices":[{"index":0,"delta":{"content":"four"}}]}\n\n';
const STREAM = { "content-type": "text/event-stream" };
const flow = (out: ServerResponse, chunk: string | Buffer) => {
  const writing = setInterval(() => out.write(chunk), 5);
  out.on("close", () => clearInterval(writing));
};

/** What the provider does, and whether the caller leaves once it has an answer or once the provider has the request. */
const phases: Record<string, { behave: (out: ServerResponse) => void; once: "asked" | "answered" }> = {
  head: { behave: () => undefined, once: "asked" },
  "first byte": { behave: (out) => void out.writeHead(200, STREAM).flushHeaders(), once: "answered" },
  stream: { behave: (out) => flow(out.writeHead(200, STREAM), EVENT), once: "answered" },
  silence: { behave: (out) => void out.writeHead(200, STREAM).write(EVENT), once: "answered" },
  packed: {
    behave: (out) => flow(out.writeHead(200, { ...STREAM, "content-encoding": "gzip" }), gzipSync(EVENT)),
    once: "answered",
  },
  "a whole answer": {
    behave: (out) => flow(out.writeHead(200, { "content-type": "application/json" }), "{   "),
    once: "answered",
  },
};

const callers = Number(process.argv[2] ?? CALLERS);
const asked = new Map<string, () => void>();
const felt = new Map<string, () => void>();
const provider = await startProvider((incoming, out, body) => {
  const { phase, caller: n } = JSON.parse(body) as { phase: string; caller: string };
  incoming.socket.once("close", () => felt.get(n)?.());
  phases[phase]?.behave(out);
  asked.get(n)?.();
});
const gateway = await startGatewayProcess(provider.url);

/** Milliseconds from the caller's leaving until the provider has felt it. */
async function leave(phase: string, n: string, reset: boolean): Promise<number> {
  const told = Promise.withResolvers<void>();
  asked.set(n, told.resolve);
  const ended = new Promise<number>((resolve) => felt.set(n, () => resolve(performance.now())));
  const socket = gateway.ask(JSON.stringify({ model: "echo", stream: true, phase, caller: n }));
  if (phases[phase]?.once === "answered") await new Promise((resolve) => socket.once("data", resolve));
  else await told.promise;
  const leftMs = performance.now();
  if (reset) socket.resetAndDestroy();
  else socket.destroy();
  return (await ended) - leftMs;
}

try {
  let n = 0;
  for (const phase of Object.keys(phases)) {
    const timesMs: number[] = [];
    while (timesMs.length < callers / Object.keys(phases).length) {
      const some = Array.from({ length: AT_ONCE }, () => leave(phase, String(++n), n % 2 === 0));
      timesMs.push(...(await Promise.all(some)));
    }
    const figures = figuresOf(timesMs);
    console.log(printFigures(`left: ${phase}; felt by the provider`, figures));
    if (figures.maxMs > FELT_MS_MAX) throw new Error(`not felt within ${FELT_MS_MAX} ms`);
  }
  const bodies = Array.from({ length: 200 }, () => gateway.ask('{"model":"echo","messages":[]}', 10));
  await pause(500);
  for (const socket of bodies) socket.destroy();
  const deadlineMs = performance.now() + QUIET_MS_MAX;
  for (;;) {
    const { inflight, sockets, settled } = await gateway.look();
    if (inflight === 0 && sockets === 0 && provider.openSockets() === 0) {
      console.log(`  ${n} callers left: no request, no socket, ${settled} settled once each`);
      if (settled !== n) throw new Error(`${settled} settlements`);
      break;
    }
    if (performance.now() > deadlineMs)
      throw new Error(`left over: ${inflight} requests, ${sockets} sockets`);
    await pause(100);
  }
} finally {
  await gateway.stop();
  await provider.stop();
}
