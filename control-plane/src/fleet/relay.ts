/** Publishes the changes whose writer could not: it died, or the bus was away. Every control-plane process runs one. */
import type { Ports } from "../ports.ts";
import { publishPending } from "./publish.ts";

/** A writer has this long to publish its own change, in milliseconds. */
const GRACE_MS = 250;
const EVERY_MS = 2_000;

/** Runs at start, after notifications and on an interval, until it is stopped. */
export function startRelay(ports: Ports): { stop(): Promise<void> } {
  let running = Promise.resolve();
  let soon: NodeJS.Timeout | undefined;
  const sweep = () => {
    running = running.then(async () => {
      try {
        const published = await publishPending(ports, GRACE_MS);
        if (published > 0) ports.log.info({ published }, "relayed changes");
      } catch (error) {
        ports.log.warn({ err: error }, "the relay could not publish");
      }
    });
  };
  const unlisten = ports.wake.on("change", () => {
    soon ??= setTimeout(() => {
      soon = undefined;
      sweep();
    }, GRACE_MS * 2);
  });
  const timer = setInterval(sweep, EVERY_MS);
  sweep();
  return {
    async stop() {
      unlisten();
      clearInterval(timer);
      clearTimeout(soon);
      await running;
    },
  };
}
