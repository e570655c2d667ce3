/** `npm run verify`: format and lint, types, tidy. No services, seconds; the first thing that `npm test` does too. */
import { checks, runCheck } from "./checks.ts";
import { passSignalsOn } from "./process.ts";

passSignalsOn();
const failed: string[] = [];
for (const check of checks) {
  const startedAtMs = performance.now();
  const ok = await runCheck(check);
  if (!ok) failed.push(check);
  console.log(
    `${ok ? "ok  " : "FAIL"} ${check} (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`,
  );
}
if (failed.length > 0) {
  console.log(`\nverify failed: ${failed.join(", ")}`);
  if (failed.includes("lint"))
    console.log("Most of lint is repaired by: node_modules/.bin/biome check --write PATHS");
}
process.exitCode = failed.length === 0 ? 0 : 1;
