/** One throughput benchmark from start to verdict. */
import { type Contender, startGateway, startNginx, startPortkey } from "./contenders.ts";
import { startLoad, startUpstream } from "./load.ts";
import { compareThroughput } from "./throughput.ts";
import { type Goal, judge } from "./verdict.ts";

export interface Comparison {
  readonly title: string;
  readonly bodyBytes: number;
  /** From medians of requests per CPU-second. */
  readonly goals: (gateway: number, nginx: number, portkey: number) => readonly Goal[];
}

/** Starts everybody, measures in alternation, prints table and verdict. `--quick` runs shorter, for a first look. */
export async function compareOverProviders({ title, bodyBytes, goals }: Comparison): Promise<void> {
  const quick = process.argv.includes("--quick");
  const upstream = await startUpstream();
  const load = startLoad();
  const contenders: Contender[] = [];
  try {
    contenders.push(await startNginx(upstream.port));
    contenders.push(await startPortkey(upstream.port, "plain"));
    contenders.push(await startGateway(upstream.port, [undefined]));
    console.log(title);
    const options = { bodyBytes, runs: quick ? 5 : 21, measureMs: 1000 };
    const medians = await compareThroughput(load, contenders, options);
    const of = (name: string) => medians.get(name) ?? Number.NaN;
    judge(goals(of("gateway"), of("nginx"), of("portkey")));
  } finally {
    for (const contender of contenders) await contender.stop();
    load.stop();
    upstream.stop();
  }
}
