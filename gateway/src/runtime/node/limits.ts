/** The limits that a Node gateway puts on requests, answers and waits. */
import type { ServeSettings } from "../../forward/visit.ts";
import type { AttemptSettings } from "./attempt-settings.ts";
import type { ServerSettings } from "./server.ts";

const MIB = 1 << 20;

export const SERVE_LIMITS = {
  bodyBytesMax: 20_000_000,
  bodyMsMax: 30_000,
  streamMsMax: 3_600_000,
  answerBytesMax: 64 * MIB,
  streamBytesMax: 256 * MIB,
  stallMsMax: 60_000,
  drainMsMax: 30_000,
} satisfies Omit<ServeSettings, "gatewayName" | keyof AttemptSettings>;

export const SERVER_LIMITS = {
  headMsMax: 10_000,
  requestMsMax: 90_000,
} satisfies Pick<ServerSettings, "headMsMax" | "requestMsMax">;

/** At shutdown, requests in flight may end within this. */
export const SHUTDOWN_GRACE_MS = 10_000;
