/** Prices change by a new release and by the calendar: every process looks when it starts and once an hour. */
import type { Ports } from "../ports.ts";
import { repriceAll } from "./push.ts";

const EVERY_MS = 3_600_000;

/** Runs until it is stopped; a failure is logged and tried again the next hour. */
export function startPriceKeeper(ports: Ports): { stop(): Promise<void> } {
  let running = Promise.resolve();
  const look = () => {
    running = running
      .then(() => repriceAll(ports))
      .catch((error: unknown) => ports.log.warn({ err: error }, "prices were not looked at"));
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
