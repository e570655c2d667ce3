/** How long a gateway waits for providers in each phase of a call, and how often it asks another one (docs/protocol.md, "Attempts"). */
import * as z from "zod";
import type { ServeSettings } from "./visit.ts";

/** Below a second nothing can be told from a slow network; beyond an hour no stream lives. */
const phase = (defaultMs: number) => z.coerce.number().int().min(1_000).max(3_600_000).default(defaultMs);

export const AttemptEnvironment = {
  CLAVIGER_CONNECT_TIMEOUT_MS: phase(10_000),
  CLAVIGER_HEADERS_TIMEOUT_MS: phase(300_000),
  CLAVIGER_FIRST_BYTE_TIMEOUT_MS: phase(300_000),
  CLAVIGER_IDLE_TIMEOUT_MS: phase(300_000),
  CLAVIGER_ATTEMPTS_MAX: z.coerce.number().int().min(1).max(10).default(3),
  CLAVIGER_ATTEMPTS_MS_MAX: z.coerce.number().int().min(0).max(3_600_000).default(120_000),
};

const Environment = z.object(AttemptEnvironment);

export type AttemptSettings = Pick<
  ServeSettings,
  "headersTimeoutMs" | "firstByteTimeoutMs" | "idleTimeoutMs" | "attemptsMax" | "attemptsMsMax"
> & { readonly connectTimeoutMs: number };

export function readAttemptSettings(data: z.infer<typeof Environment>): AttemptSettings {
  return {
    connectTimeoutMs: data.CLAVIGER_CONNECT_TIMEOUT_MS,
    headersTimeoutMs: data.CLAVIGER_HEADERS_TIMEOUT_MS,
    firstByteTimeoutMs: data.CLAVIGER_FIRST_BYTE_TIMEOUT_MS,
    idleTimeoutMs: data.CLAVIGER_IDLE_TIMEOUT_MS,
    attemptsMax: data.CLAVIGER_ATTEMPTS_MAX,
    attemptsMsMax: data.CLAVIGER_ATTEMPTS_MS_MAX,
  };
}
