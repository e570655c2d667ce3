/**
 * The proof that a fleet which comes back all at once does not take the control plane from its admins: every follower of
 * one organization restarts in the same moment, half of them with nothing, while an admin reads.
 */
import { rmSync } from "node:fs";
import { reaches } from "@claviger/shared/sync/position";
import { startReading } from "../support/admin-reader.ts";
import type { BulkKeys } from "../support/bulk-keys.ts";
import { type Following, makeHomes, startFollowing } from "../support/follower.ts";
import { cpuMsOf, residentOf } from "../support/memory.ts";
import type { World } from "../support/world.ts";

const PATHS = ["/api-keys?page[size]=50", "/gateways"];
const HEAD_MS_MAX = 240_000;
const LOOK_MS = 20;

export interface Wave {
  /** From the moment when all began to start until the last one held the head and had it proved. */
  readonly headMs: number;
  readonly readMs: readonly number[];
  readonly failedReads: readonly string[];
  readonly controlPlane: { readonly cpuMs: number; readonly rssBytes: number };
}

export interface Fleet {
  /** From the first one's enrolment until all held the head, which reached them by the changes. */
  readonly firstMs: number;
  /** Stops all, and starts all in the same moment; every second one holds nothing then. */
  restartAll(): Promise<Wave>;
  stop(): Promise<void>;
}

/** Enrols `count` followers and brings them to the head. */
export async function startFleet(world: World, { revision }: BulkKeys, count: number): Promise<Fleet> {
  const { controlPlane: url } = world.stack.urls;
  const homes = await makeHomes(world, count);
  const [epoch = 0, rev = 0] = revision.split(".").map(Number);
  let running: Following[] = [];
  const startAll = async () => {
    running = await Promise.all(homes.map((home) => startFollowing(home, url)));
    await untilAll(running, { epoch, rev });
  };
  const stopAll = async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
  };
  const enrolledFromMs = performance.now();
  await startAll();
  const firstMs = performance.now() - enrolledFromMs;
  return {
    firstMs,
    async restartAll() {
      await stopAll();
      for (const [n, home] of homes.entries()) if (n % 2 === 0) home.forgetState();
      const pid = world.stack.child("control-plane").pid;
      if (pid === null) throw new Error("the control plane does not run");
      const before = cpuMsOf(pid);
      const reading = startReading({ url, token: world.credentials.adminToken, paths: PATHS });
      const sinceMs = performance.now();
      await startAll();
      const headMs = performance.now() - sinceMs;
      const { ms, failed } = await reading.stop();
      const controlPlane = { cpuMs: cpuMsOf(pid) - before, rssBytes: residentOf(pid).rssBytes };
      return { headMs, readMs: ms, failedReads: failed, controlPlane };
    },
    async stop() {
      await stopAll();
      for (const { folder } of homes) rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilAll(
  running: readonly Following[],
  wanted: { epoch: number; rev: number },
): Promise<void> {
  const deadlineMs = performance.now() + HEAD_MS_MAX;
  const lacking = () =>
    running.filter(({ follower }) => !follower.ready() || !reaches(follower.status(), wanted));
  while (lacking().length > 0) {
    if (performance.now() > deadlineMs) throw new Error(`${lacking().length} followers do not get there`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
