/** `npm run bench -- NAME…`: measurements, from infra/bench; without a name all of them, and docs/reports/bench.md. */

import { runNamed } from "./named.ts";
import { passSignalsOn, run } from "./process.ts";
import { pathOf } from "./root.ts";

const [first] = process.argv.slice(2);
if (first === undefined || first.startsWith("--")) {
  passSignalsOn();
  process.exitCode = await run(process.execPath, [
    pathOf("infra/bench/parts/run-all.ts"),
    ...process.argv.slice(2),
  ]);
} else {
  await runNamed("infra/bench", "bench");
}
