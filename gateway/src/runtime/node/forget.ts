/**
 * What a detached replica does to what it has on disk. The bargain: first it is written down that it is detached, without
 * its keys, so that no later start brings it back; then the state goes. The logs stay: they belong to the audit.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Keeper } from "../../identity/keeper.ts";
import type { Courier, Log, StateStore } from "../../ports.ts";
import { syncFolder } from "./durable-file.ts";

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;

export interface Forgetful {
  readonly folder: string;
  readonly keeper: Keeper;
  readonly follower: { stop(): Promise<void> };
  readonly store: StateStore;
  readonly courier: Courier;
  readonly log: Log;
}

/** Resolves when nothing is left that could admit; tries until it is so, because a disk may be full for a while. */
export async function forgetReplica(replica: Forgetful, atMs: number): Promise<void> {
  const { folder, keeper, follower, store, courier, log } = replica;
  await untilDone(log, () => keeper.end(atMs));
  await follower.stop();
  await store.close();
  await untilDone(log, () => eraseState(folder));
  await courier.close();
}

/** Deletes every generation of the state in this folder. */
export async function eraseState(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^state[-.]/.test(name)) await rm(join(folder, name), { force: true });
  }
  await syncFolder(folder);
}

async function untilDone(log: Log, work: () => Promise<void>): Promise<void> {
  for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)) {
    try {
      return await work();
    } catch (error) {
      log.error({ err: error, retryMs }, "what a detached replica holds could not be erased yet");
      await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
    }
  }
}

/** The way to nobody, for a replica that nobody answers any more. */
export function createNoCourier(): Courier {
  const nobody = () => Promise.reject(new Error("a detached replica has no way to the control plane"));
  return {
    heartbeat: nobody,
    sync: nobody,
    page: nobody,
    usage: nobody,
    ask: nobody,
    answer: nobody,
    listen: () => undefined,
    useNatsJwt: () => undefined,
    close: async () => undefined,
  };
}
