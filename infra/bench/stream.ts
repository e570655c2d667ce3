/**
 * `npm run bench -- stream`: what the gateway adds before the first byte of a stream, against the provider itself and
 * Portkey in the same run; then what 1 000 streams of 50 events that are open at the same time take of its memory.
 */
import { type Contender, direct, startGateway, startNginx, startPortkey } from "./parts/contenders.ts";
import { type Load, startLoad, startUpstream } from "./parts/load.ts";
import { residentBytesOf } from "./parts/processes.ts";
import { chatRequest } from "./parts/requests.ts";
import { judge, medianOf, printTable } from "./parts/verdict.ts";

const ROUNDS = 5;
const REQUESTS_PER_ROUND = 60;
const OPEN_STREAMS = 1000;
/** All events at once, and 50 events in ten seconds. */
const AT_ONCE_MS = 0;
const SLOW_MS = 200;

type Measured = Pick<Contender, "name" | "port" | "ask">;

function streamRequest({ ask }: Measured, paceMs: number): string {
  return chatRequest({ ...ask(paceMs), stream: true, bodyBytes: 1000 });
}

/** Median and 99th percentile of milliseconds from the request's last byte to the body's first, by name. */
async function measureFirstBytes(load: Load, measured: readonly Measured[]): Promise<Map<string, number[]>> {
  const waits = new Map<string, number[]>(measured.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const each of round % 2 === 0 ? measured : measured.toReversed()) {
      const request = streamRequest(each, AT_ONCE_MS);
      const order = { kind: "firstBytes", port: each.port, request, count: REQUESTS_PER_ROUND } as const;
      const { waitsMs } = await load.run(order);
      // The first round warms up.
      if (round > 0) waits.get(each.name)?.push(...waitsMs);
    }
  }
  return waits;
}

/** Kilobytes of resident memory per open stream, at the highest while all are open. */
async function measureOpenStreams(load: Load, gateway: Contender): Promise<number> {
  const order = {
    kind: "openStreams",
    port: gateway.port,
    request: streamRequest(gateway, SLOW_MS),
  } as const;
  // What the first streams make the process allocate for good is not theirs.
  await load.run({ ...order, connections: 50 });
  const beforeBytes = residentBytesOf(gateway.pid);
  let highestBytes = 0;
  let sampling: ReturnType<typeof setInterval> | undefined;
  await load.run({ ...order, connections: OPEN_STREAMS }, () => {
    sampling = setInterval(() => {
      highestBytes = Math.max(highestBytes, residentBytesOf(gateway.pid));
    }, 200);
  });
  clearInterval(sampling);
  return (highestBytes - beforeBytes) / OPEN_STREAMS / 1024;
}

const upstream = await startUpstream();
const load = startLoad();
const contenders: Contender[] = [];
try {
  contenders.push(await startNginx(upstream.port));
  contenders.push(await startPortkey(upstream.port, "streams"));
  const gateway = await startGateway(upstream.port, [AT_ONCE_MS, SLOW_MS]);
  contenders.push(gateway);
  const waits = await measureFirstBytes(load, [direct(upstream.port), ...contenders]);
  const baseMs = medianOf(waits.get("direct") ?? []);
  const added = (name: string) => medianOf(waits.get(name) ?? []) - baseMs;
  console.log("stream: time to first byte of the body, one request at a time");
  const rows = [["through", "p50 ms", "p99 ms", "added p50 ms"]];
  for (const [name, each] of waits) {
    const p99 = each.toSorted((a, b) => a - b)[Math.floor(each.length * 0.99)] ?? Number.NaN;
    rows.push([name, medianOf(each).toFixed(2), p99.toFixed(2), added(name).toFixed(2)]);
  }
  printTable(rows);
  const perStream = await measureOpenStreams(load, gateway);
  const [ours, portkeys] = [added("gateway"), added("portkey")];
  judge([
    { what: "first byte, added p50", value: ours, unit: " ms", is: "≤", toReach: 0.8, stretch: 0.3 },
    {
      what: "first byte, added ÷ Portkey's",
      value: ours / portkeys,
      unit: "",
      is: "≤",
      toReach: 0.1,
    },
    {
      what: "resident memory per open stream",
      value: perStream,
      unit: " KB",
      is: "≤",
      toReach: 60,
      stretch: 15,
    },
  ]);
} finally {
  for (const contender of contenders) await contender.stop();
  load.stop();
  upstream.stop();
}
