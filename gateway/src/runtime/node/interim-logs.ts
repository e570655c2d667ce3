/** Stands where the local log will stand: keeps nothing. */
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import type { FollowerEvents, Vitals } from "../../follow/follower.ts";
import type { Courier, Log } from "../../ports.ts";
import type { Ledger } from "../../rooms.ts";

export interface Logs {
  readonly ledger: Ledger;
  readonly events: Omit<FollowerEvents, "dataKeys">;
  vitals(): Omit<Vitals, "inflight">;
  close(): Promise<void>;
}

export async function openLogs(_folder: string, _courier: Courier, log: Log): Promise<Logs> {
  return {
    ledger: {
      open: async () => true,
      withdraw: () => undefined,
      settle: () => undefined,
      refused: () => undefined,
    },
    events: {
      async audit(entries) {
        for (const entry of entries) log.info({ entry }, "change applied");
      },
      query: () => undefined,
      usageCursor: () => undefined,
    },
    vitals: () => ({ usage: { nextSeq: 1 }, audit: { n: 0, head: GENESIS_CHAIN }, requestsPerSecond: 0 }),
    close: async () => undefined,
  };
}
