/** The limits that a Node gateway puts on connections, and on its end. */
import type { ServerSettings } from "./server.ts";

export const SERVER_LIMITS = {
  headMsMax: 10_000,
  requestMsMax: 90_000,
} satisfies Pick<ServerSettings, "headMsMax" | "requestMsMax">;

/** At shutdown, requests in flight may end within this. */
export const SHUTDOWN_GRACE_MS = 10_000;
