/** When a stack has nothing left to do. */
import { setTimeout as delay } from "node:timers/promises";
import type { World } from "../support/world.ts";

const QUIET_MS_MAX = 180_000;

/** Resolves when nothing is in flight and PostgreSQL has everything that gateways have written down. */
export async function quiet(world: World): Promise<void> {
  const deadlineMs = performance.now() + QUIET_MS_MAX;
  const isQuiet = async (url: string) => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const of = (name: string) => Number(new RegExp(`^${name} (.+)$`, "m").exec(metrics)?.[1]);
    return of("claviger_requests_inflight") === 0 && of("claviger_usage_outbox_events") === 0;
  };
  let quietRounds = 0;
  while (quietRounds < 3) {
    if (performance.now() > deadlineMs) throw new Error("usage did not reach the control plane");
    await delay(500);
    const all = await Promise.all(world.gateways.map(({ url }) => isQuiet(url).catch(() => false)));
    quietRounds = all.every(Boolean) ? quietRounds + 1 : 0;
  }
}
