/**
 * Lets old lines of the local log go, by age and by size: only such as PostgreSQL has the usage of, and never one of the
 * last 72 hours, whatever the size. Age is told by the control plane's clock, so that a wrong clock here deletes nothing.
 */
import type { Log, LogStore } from "../ports.ts";

export interface RetentionSettings {
  /** Lines older than this go. */
  readonly daysMax: number;
  /** Above this size the oldest go earlier. */
  readonly bytesMax: number;
  /** Captured bodies go earlier than the lines that they belong to. */
  readonly bodyDaysMax: number;
}

export interface RetentionDeps {
  readonly store: Pick<LogStore, "trim">;
  readonly log: Log;
  /** The control plane's time; undefined while it is not known. */
  readonly nowMs: () => number | undefined;
  /** Usage up to here is in PostgreSQL, by its signature. */
  readonly usageCursor: () => number;
}

const DAY_MS = 86_400_000;
const KEPT_MS_MIN = 3 * DAY_MS;
const SWEEP_MS = 600_000;
const ROWS_PER_TRIM = 1000;

/** Sweeps every ten minutes until it is stopped. */
export function startRetention(deps: RetentionDeps, settings: RetentionSettings): { stop(): void } {
  let stopped = false;
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    sweep(deps, settings, () => stopped)
      .catch((error: unknown) => {
        if (!stopped) deps.log.error({ err: error }, "the local log could not be trimmed");
      })
      .finally(() => {
        sweeping = false;
      });
  }, SWEEP_MS);
  return {
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/** Lets go of everything that may go now, a part at a time. */
async function sweep(
  deps: RetentionDeps,
  settings: RetentionSettings,
  stopped: () => boolean,
): Promise<void> {
  const { store, log } = deps;
  const nowMs = deps.nowMs();
  if (nowMs === undefined) return;
  let rows = 0;
  for (;;) {
    const trimmed = await store.trim({
      deletableBeforeMs: nowMs - KEPT_MS_MIN,
      wantedBeforeMs: nowMs - settings.daysMax * DAY_MS,
      bytesMax: settings.bytesMax,
      usageCursor: deps.usageCursor(),
      bodiesBeforeMs: nowMs - settings.bodyDaysMax * DAY_MS,
      rowsMax: ROWS_PER_TRIM,
    });
    rows += trimmed.rows;
    if (trimmed.more && !stopped()) continue;
    const { bytes } = trimmed;
    if (rows > 0) log.info({ rows, bytes }, "old lines of the local log are gone");
    if (bytes > settings.bytesMax) {
      log.error({ bytes, bytesMax: settings.bytesMax }, "the local log is larger than it should be");
    }
    return;
  }
}
