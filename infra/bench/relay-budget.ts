/** `npm run bench -- relay-budget`: what a hard budget costs a request of 1 KB, in the same process as the same without. */
import { startGateway } from "./parts/contenders.ts";
import { startLoad, startUpstream } from "./parts/load.ts";
import { compareThroughput } from "./parts/throughput.ts";
import { judge } from "./parts/verdict.ts";

const upstream = await startUpstream();
const load = startLoad();
const gateway = await startGateway(upstream.port, [undefined]);
try {
  const budgeted = await gateway.budgeted();
  console.log("relay-budget: 1 KB prompt, 600 bytes back, key with a hard budget and key without");
  const runs = process.argv.includes("--quick") ? 5 : 21;
  const medians = await compareThroughput(load, [gateway, budgeted], {
    bodyBytes: 1000,
    runs,
    measureMs: 1000,
  });
  const of = (name: string) => medians.get(name) ?? Number.NaN;
  const value = of(budgeted.name) / of(gateway.name);
  judge([{ what: "with a budget ÷ without", value, unit: "", is: "≥", toReach: 0.5, stretch: 0.8 }]);
} finally {
  await gateway.stop();
  load.stop();
  upstream.stop();
}
