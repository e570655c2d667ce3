/**
 * `npm run bench -- table [keys]`: what a gateway weighs with a million keys, and how long it takes from the start of a
 * process until it could serve from its encrypted file, with nobody to call.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { judge } from "./parts/verdict.ts";
import { type Mix, makeKeys } from "./table/keys.ts";
import type { Loaded } from "./table/load.ts";
import { writeState } from "./table/state-folder.ts";

const KEYS = 1_000_000;
const BYTES_PER_KEY_MAX = 600;
const COLD_START_MS_MAX = 10_000;
const MIXES: readonly Mix[] = ["plain", "mixed"];
const MB = 1e6;

const count = Number(process.argv[2] ?? KEYS);
for (const mix of MIXES) {
  const folder = mkdtempSync(join(tmpdir(), "claviger-table-"));
  try {
    const { key, bytes } = await writeState(folder, makeKeys(count, mix));
    const program = join(import.meta.dirname, "table/load.ts");
    const startedMs = Date.now();
    const { stdout } = await promisify(execFile)(process.execPath, [program, folder, JSON.stringify(key)]);
    report(mix, bytes, startedMs, JSON.parse(stdout) as Loaded);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(mix: Mix, bytes: number, startedMs: number, loaded: Loaded): void {
  if (!loaded.ready || loaded.keys !== count) throw new Error(`it did not load: ${JSON.stringify(loaded)}`);
  const perKey = (loaded.heapBytes + loaded.externalBytes) / count;
  const coldMs = loaded.readyAtMs - startedMs;
  const mb = (n: number) => `${(n / MB).toFixed(0)} MB`;
  console.log(`${count} keys, ${mix}:`);
  console.log(
    `  memory per key   ${perKey.toFixed(0)} B (to reach ${BYTES_PER_KEY_MAX}): heap ${mb(loaded.heapBytes)}, outside ${mb(loaded.externalBytes)}`,
  );
  console.log(
    `  cold start       ${(coldMs / 1000).toFixed(1)} s (to reach ${COLD_START_MS_MAX / 1000}), CPU ${(loaded.cpuMs / 1000).toFixed(1)} s`,
  );
  judge([
    {
      ...{ what: `table (${mix}): memory per key`, value: perKey, unit: " B", is: "≤" },
      ...{ toReach: BYTES_PER_KEY_MAX, stretch: 250 },
    },
    {
      ...{ what: `table (${mix}): cold start`, value: coldMs / 1000, unit: " s", is: "≤" },
      ...{ toReach: COLD_START_MS_MAX / 1000, stretch: 3 },
    },
  ]);
  console.log(
    `  snapshot ${mb(bytes)}, peak RSS while loading ${mb(loaded.rssPeakBytes)}, full collection ${loaded.collectMs.toFixed(0)} ms`,
  );
}
