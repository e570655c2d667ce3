/**
 * Loaded into a process under test by `NODE_OPTIONS=--import`: on SIGUSR2 it collects garbage and leaves its memory in
 * `$CLAVIGER_PROBE_DIR/PID.json`. The programs themselves know nothing of it.
 */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const dir = process.env.CLAVIGER_PROBE_DIR;
if (dir !== undefined) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  process.on("SIGUSR2", () => {
    collect();
    const file = join(dir, `${process.pid}.json`);
    writeFileSync(`${file}.tmp`, JSON.stringify(process.memoryUsage()));
    renameSync(`${file}.tmp`, file);
  });
}
