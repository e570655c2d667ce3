/** The limits that every gateway puts on requests, answers and waits. */
import type { AttemptSettings } from "./attempt-settings.ts";
import type { ServeSettings } from "./visit.ts";

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
