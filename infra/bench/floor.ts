/**
 * `npm run bench -- floor [--quick] [BYTES]`: how much of nginx is left for whoever is written on Node and does nothing but pass bytes
 * on. It judges nothing; it says what the goals of `relay` and `relay-100k` leave for the gateway's own work.
 */
import { type Contender, startFloor, startNginx } from "./parts/contenders.ts";
import { startLoad, startUpstream } from "./parts/load.ts";
import { compareThroughput } from "./parts/throughput.ts";

const upstream = await startUpstream();
const load = startLoad();
const contenders: Contender[] = [];
try {
  contenders.push(await startNginx(upstream.port));
  for (const kind of ["net", "server", "relay"] as const)
    contenders.push(await startFloor(kind, upstream.port));
  const quick = process.argv.includes("--quick");
  const bodyBytes = Number(process.argv.find((each) => /^\d+$/.test(each)) ?? 1000);
  const options = { bodyBytes, runs: quick ? 5 : 21, measureMs: 1000 };
  const medians = await compareThroughput(load, contenders, options);
  const nginx = medians.get("nginx") ?? Number.NaN;
  for (const [name, each] of medians) console.log(`${name.padEnd(12)} ÷ nginx ${(each / nginx).toFixed(3)}`);
} finally {
  for (const contender of contenders) await contender.stop();
  load.stop();
  upstream.stop();
}
