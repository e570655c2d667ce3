/**
 * What a detached replica does to what it has on disk. The bargain: first it is written down that it is detached, without
 * its keys, so that no later start brings it back; then the state goes. The logs stay: they belong to the audit.
 */
import type { Keeper } from "../identity/keeper.ts";
import type { Courier, Log, StateStore } from "../ports.ts";

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;

export interface Forgetful {
  /** Deletes every generation of the state. */
  readonly eraseState: () => Promise<void>;
  readonly keeper: Keeper;
  readonly follower: { stop(): Promise<void> };
  readonly store: StateStore;
  readonly courier: Courier;
  readonly log: Log;
}

/** Resolves when nothing is left that could admit; tries until it is so, because a disk may be full for a while. */
export async function forgetReplica(replica: Forgetful, atMs: number): Promise<void> {
  const { eraseState, keeper, follower, store, courier, log } = replica;
  await untilDone(log, () => keeper.end(atMs));
  await follower.stop();
  await store.close();
  await untilDone(log, () => eraseState());
  await courier.close();
}

async function untilDone(log: Log, work: () => Promise<void>): Promise<void> {
  for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)) {
    try {
      return await work();
    } catch (error) {
      log.error({ err: error, retryMs }, "what a detached replica holds could not be erased yet");
      await new Promise((resolve) => setTimeout(resolve, retryMs));
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
