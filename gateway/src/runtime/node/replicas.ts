/**
 * Several replicas of one gateway behind one port: a process each, with a slot of its own, that share the listening
 * socket. One that ends is started again, alone, later and later.
 */
import cluster, { type Worker } from "node:cluster";
import type { Log } from "../../ports.ts";

const RESTART_MS_MIN = 250;
const RESTART_MS_MAX = 10_000;
/** A process that ran this long was a good one. */
const STABLE_MS = 30_000;

/**
 * Starts replicas in the slots `0` to `n − 1`; stopping ends all of them in order. `failed` is called when one ends
 * before it ever listened: its settings will not do, and starting it again would not help.
 */
export function superviseReplicas(n: number, log: Log, failed: () => void): { stop(): Promise<void> } {
  const workers = new Map<number, Worker>();
  const listened = new Set<number>();
  let stopping = false;
  const run = (slot: number, restartMs: number) => {
    if (stopping) return;
    const startedMs = performance.now();
    const worker = cluster.fork({ CLAVIGER_SLOT: String(slot) });
    workers.set(slot, worker);
    worker.once("listening", () => listened.add(slot));
    worker.once("exit", (code, signal) => {
      workers.delete(slot);
      if (stopping) return;
      if (!listened.has(slot)) return failed();
      const nextMs = performance.now() - startedMs > STABLE_MS ? RESTART_MS_MIN : restartMs;
      log.error({ slot, code, signal, restartMs: nextMs }, "a replica ended");
      setTimeout(() => run(slot, Math.min(nextMs * 2, RESTART_MS_MAX)), nextMs);
    });
  };
  for (let slot = 0; slot < n; slot++) run(slot, RESTART_MS_MIN);
  return {
    async stop() {
      stopping = true;
      const ended = [...workers.values()].map(
        (worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())),
      );
      for (const worker of workers.values()) worker.process.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}
