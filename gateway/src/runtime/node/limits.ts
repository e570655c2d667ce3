/** The limits that a Node gateway puts on requests, answers and waits. */
import type { ServeSettings } from "../../forward/visit.ts";
import type { ServerSettings } from "./server.ts";

const MIB = 1 << 20;

export const SERVE_LIMITS = {
  bodyBytesMax: 20_000_000,
  bodyMsMax: 30_000,
  headersTimeoutMs: 300_000,
  firstByteTimeoutMs: 300_000,
  idleTimeoutMs: 300_000,
  attemptsMax: 3,
  attemptsMsMax: 120_000,
  streamMsMax: 3_600_000,
  answerBytesMax: 64 * MIB,
  streamBytesMax: 256 * MIB,
  stallMsMax: 60_000,
  drainMsMax: 30_000,
} satisfies Omit<ServeSettings, "gatewayName">;

export const SERVER_LIMITS = {
  headMsMax: 10_000,
  requestMsMax: 90_000,
} satisfies Pick<ServerSettings, "headMsMax" | "requestMsMax">;

export const CONNECT_TIMEOUT_MS = 10_000;

/** At shutdown, requests in flight may end within this. */
export const SHUTDOWN_GRACE_MS = 10_000;
