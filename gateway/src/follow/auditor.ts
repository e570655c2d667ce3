/** Carries applied changes to the audit log, in order, again and again until each is there. */
import type { Position } from "@claviger/shared/sync/position";
import type { AuditRow } from "@claviger/shared/wire/query";
import type { Log } from "../ports.ts";

export interface Auditor {
  push(entries: readonly AuditRow["entry"][], upTo: Position): void;
  /** Resolves when everything pushed so far is in the log. */
  idle(): Promise<void>;
  stop(): void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 10_000;

export function createAuditor(
  append: (entries: readonly AuditRow["entry"][]) => Promise<void>,
  log: Log,
  audited: (at: Position) => void,
): Auditor {
  const queue: { entries: readonly AuditRow["entry"][]; upTo: Position }[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  const run = async (): Promise<void> => {
    let retryMs = RETRY_MS_MIN;
    for (let next = queue[0]; next !== undefined && !stopped; next = queue[0]) {
      try {
        await append(next.entries);
        queue.shift();
        retryMs = RETRY_MS_MIN;
        audited(next.upTo);
      } catch (error) {
        log.error({ err: error, retryMs }, "a change could not be audited yet");
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
  };
  const start = () => {
    if (stopped || queue.length === 0) return;
    running ??= run().finally(() => {
      running = undefined;
      start();
    });
  };
  return {
    push(entries, upTo) {
      queue.push({ entries, upTo });
      start();
    },
    async idle() {
      while (running !== undefined) await running;
    },
    stop() {
      stopped = true;
    },
  };
}
