/**
 * `npm run soak -- rolling [keys] [replicas]`: two gateways with 200 000 keys, restarted one after the other under load:
 * in order (from the changes as they came), robbed of their state (from a snapshot), in order again, and killed.
 */
import { readFileSync } from "node:fs";
import { printRolling, rollGateways, untilHeld } from "../e2e/proofs/rolling.ts";
import { bulkKeys } from "../e2e/support/bulk-keys.ts";
import { createProbe, mb, residentOf } from "../e2e/support/memory.ts";
import { startWorld, type World } from "../e2e/support/world.ts";

const KEYS = 200_000;
const PER_SECOND = 50;

const count = Number(process.argv[2] ?? KEYS);
const replicas = Number(process.argv[3] ?? 1);
const probe = createProbe();
const world = await startWorld({
  restart: false,
  replicas,
  env: { "gateway-eu-1": probe.env, "gateway-us-1": probe.env },
});
try {
  const sinceMs = performance.now();
  const keys = await bulkKeys(world, count);
  await untilHeld(world, keys);
  console.log(`${count} keys made and held by both gateways after ${seconds(performance.now() - sinceMs)}`);
  const endings = ["SIGTERM", "emptied", "SIGTERM", "SIGKILL"] as const;
  console.log(printRolling(await rollGateways(world, keys, endings, PER_SECOND)));
  for (const { name } of world.gateways) await printMemory(name);
  printSnapshot(world);
} finally {
  await world.stack.stop();
  probe.remove();
}

/** Of each replica: with several, the gateway's process is their supervisor and holds no table. */
async function printMemory(name: string): Promise<void> {
  const pid = world.stack.child(`gateway-${name}`).pid;
  if (pid === null) throw new Error(`${name} does not run`);
  for (const each of [pid, ...childrenOf(pid)]) {
    const { rssBytes, rssPeakBytes, heapBytes = 0 } = await probe.memoryOf(each);
    console.log(`  ${name} ${each}: heap ${mb(heapBytes)}, RSS ${mb(rssBytes)}, at most ${mb(rssPeakBytes)}`);
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

function printSnapshot({ stack }: World): void {
  const { pid, logFile } = stack.child("control-plane");
  if (pid === null) throw new Error("the control plane does not run");
  const { rssBytes, rssPeakBytes } = residentOf(pid);
  console.log(`  control plane: RSS ${mb(rssBytes)}, at most ${mb(rssPeakBytes)}`);
  for (const line of readFileSync(logFile, "utf8").split("\n")) {
    if (!line.includes('"snapshot built"')) continue;
    const { rev, pages, bytes, buildMs } = JSON.parse(line);
    console.log(`  snapshot at ${rev}: ${mb(bytes)} in ${pages} pages, built in ${seconds(buildMs)}`);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
