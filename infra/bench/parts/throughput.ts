/** Requests per CPU-second of several proxies, in alternating order in one run. */
import type { Contender } from "./contenders.ts";
import type { Load } from "./load.ts";
import { chatRequest } from "./requests.ts";
import { medianOf, printTable } from "./verdict.ts";

const CONNECTIONS = 64;
const WARM_REQUESTS = 100_000;

export interface ThroughputOptions {
  readonly bodyBytes: number;
  readonly runs: number;
  readonly measureMs: number;
}

/** Medians of requests per CPU-second by name; prints the table. */
export async function compareThroughput(
  load: Load,
  contenders: readonly Contender[],
  { bodyBytes, runs, measureMs }: ThroughputOptions,
): Promise<Map<string, number>> {
  const measured = new Map(contenders.map(({ name }) => [name, { perCpuSecond: [0], perSecond: [0] }]));
  for (const figures of measured.values()) {
    figures.perCpuSecond.pop();
    figures.perSecond.pop();
  }
  for (let run = 0; run < runs; run++) {
    for (const { name, port, pid, ask } of run % 2 === 0 ? contenders : contenders.toReversed()) {
      const request = chatRequest({ ...ask(), bodyBytes });
      // Many short turns: what else the machine does then meets all of them alike.
      // Until the compilers have done their work: they run in the threads of the measured process, and what they wait for is
      // calls and not time.
      const warmMs = run === 0 ? 8000 : 200;
      const warmRequests = run === 0 ? WARM_REQUESTS : 0;
      const report = await load.run({
        kind: "saturate",
        ...{ port, pid, request, connections: CONNECTIONS, warmMs, warmRequests, measureMs },
      });
      measured.get(name)?.perCpuSecond.push(report.requests / report.cpuSeconds);
      measured.get(name)?.perSecond.push(report.requests / report.seconds);
    }
  }
  const rows = [["proxy", "requests/CPU-s", "µs CPU/request", "requests/s", "all runs, requests/CPU-s"]];
  const medians = new Map<string, number>();
  for (const [name, { perCpuSecond, perSecond }] of measured) {
    const median = medianOf(perCpuSecond);
    medians.set(name, median);
    const all = perCpuSecond.map((each) => each.toFixed(0)).join(" ");
    rows.push([name, median.toFixed(0), (1e6 / median).toFixed(1), medianOf(perSecond).toFixed(0), all]);
  }
  printTable(rows);
  return medians;
}
