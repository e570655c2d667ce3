/**
 * `npm run soak -- followers [followers] [keys]`: 100 followers of one organization restart all at once, half of them with
 * nothing; then again without the bus. Fails when the p99 of an admin's read is not under a second. All of them run in this
 * process, whose own share of a processor is most of the time.
 */
import { setTimeout as delay } from "node:timers/promises";
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { startFleet } from "../e2e/proofs/followers.ts";
import { bulkKeys } from "../e2e/support/bulk-keys.ts";
import { mb } from "../e2e/support/memory.ts";
import { startWorld } from "../e2e/support/world.ts";

const FOLLOWERS = 100;
const KEYS = 3_000;
/** For so long a snapshot is handed out that lacks the keys: who starts from nothing then reads the changes as well. */
const SNAPSHOT_MS = 61_000;
const P99_MS_MAX = 1_000;

const followers = Number(process.argv[2] ?? FOLLOWERS);
const world = await startWorld({ restart: false, gateways: { "eu-1": 1 } });
try {
  const keys = await bulkKeys(world, Number(process.argv[3] ?? KEYS));
  const fleet = await startFleet(world, keys, followers);
  console.log(
    `${followers} followers, ${keys.secrets.length} keys, enrolled: all at head after ${seconds(fleet.firstMs)}`,
  );
  await delay(SNAPSHOT_MS);
  for (const courier of ["over the bus", "over HTTPS, without the bus"]) {
    if (courier !== "over the bus") await world.stack.child("nats").stop();
    const ownCpu = process.cpuUsage();
    const { headMs, readMs, failedReads, controlPlane } = await fleet.restartAll();
    console.log(
      `${followers} followers, ${keys.secrets.length} keys, ${courier}: all at head after ${seconds(headMs)}`,
    );
    const { user, system } = process.cpuUsage(ownCpu);
    console.log(`  the followers' process: ${seconds((user + system) / 1000)} of CPU`);
    console.log(printFigures("  admin read meanwhile", figuresOf(readMs)));
    console.log(
      `  control plane: ${seconds(controlPlane.cpuMs)} of CPU, RSS ${mb(controlPlane.rssBytes)}; ${failedReads.length} reads failed`,
    );
    const p99Ms = readMs.toSorted((a, b) => a - b)[Math.ceil(readMs.length * 0.99) - 1] ?? 0;
    console.log(`  p99 of ${readMs.length} reads ${p99Ms.toFixed(0)} ms (under ${P99_MS_MAX})`);
    if (failedReads.length > 0) throw new Error(`reads failed, first: ${failedReads[0]}`);
    if (p99Ms >= P99_MS_MAX) throw new Error(`the p99 is not under ${P99_MS_MAX} ms`);
  }
  await fleet.stop();
} finally {
  await world.stack.stop();
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
