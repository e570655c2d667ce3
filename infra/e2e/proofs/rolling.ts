/**
 * The proof that a fleet is restarted without anybody's key being blamed for it: under steady load with valid keys each
 * gateway ends and comes back, one at a time, and whoever asks is served by the other one meanwhile.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BulkKeys } from "../support/bulk-keys.ts";
import { startValidLoad, type ValidTally } from "../support/valid-load.ts";
import type { World } from "../support/world.ts";

/** How a gateway goes: asked to, killed, or asked to and robbed of its state, so that it has to take a snapshot. */
export type Ending = "SIGTERM" | "SIGKILL" | "emptied";

export interface Restart {
  readonly gateway: string;
  readonly ending: Ending;
  /** From the start of its process to its first 200 on `/readyz`. */
  readonly readyMs: number;
}

const HELD_MS_MAX = 120_000;
/** Between two restarts, so that whoever came back is in use when the next one goes. */
const REST_MS = 1_000;

/** Resolves when every gateway holds the revision of these keys. */
export async function untilHeld(world: World, { secrets, revision }: BulkKeys): Promise<void> {
  const secret = secrets.at(-1) ?? "";
  const deadlineMs = performance.now() + HELD_MS_MAX;
  for (const { name, url } of world.gateways) {
    for (;;) {
      const answer = await fetch(`${url}/v1/models`, {
        headers: { authorization: `Bearer ${secret}`, "x-min-revision": revision },
      });
      const text = await answer.text();
      if (answer.status === 200) break;
      if (performance.now() > deadlineMs) throw new Error(`${name} does not get there: ${text}`);
    }
  }
}

/** Restarts every gateway once per ending; throws when a valid key was told anything but to come back. */
export async function rollGateways(
  world: World,
  { secrets }: BulkKeys,
  endings: readonly Ending[],
  perSecond: number,
): Promise<{ restarts: Restart[]; tally: ValidTally }> {
  const urls = world.gateways.map(({ url }) => url);
  const load = startValidLoad(urls, secrets, perSecond);
  const restarts: Restart[] = [];
  try {
    await rest();
    for (const ending of endings) {
      for (const { name } of world.gateways) {
        restarts.push({ gateway: name, ending, readyMs: await restart(world, name, ending) });
        await rest();
      }
    }
  } finally {
    await load.stop();
  }
  const tally = load.tally();
  if (tally.wrong.length > 0) {
    throw new Error(`${tally.wrong.length} answers to valid keys were wrong, first: ${tally.wrong[0]}`);
  }
  if (tally.nowhere > 0) {
    const report = printRolling({ restarts, tally });
    throw new Error(`${tally.nowhere} requests were served nowhere:\n${report}`);
  }
  return { restarts, tally };
}

/** Ends the gateway, starts it, and returns how long it took to be ready. */
async function restart(world: World, name: string, ending: Ending): Promise<number> {
  const child = world.stack.child(`gateway-${name}`);
  if (ending === "SIGKILL") {
    const gone = child.nextExit();
    child.kill("SIGKILL");
    await gone;
  } else {
    await child.stop();
    if (ending === "emptied") emptyState(join(world.stack.home, "gateways", name));
  }
  const startedMs = performance.now();
  await child.start();
  return performance.now() - startedMs;
}

/** Takes the state of each replica away; who it is and what it has logged stay. */
function emptyState(home: string): void {
  for (const file of readdirSync(home, { recursive: true, encoding: "utf8" })) {
    if (/(^|\/)state[.-][^/]+$/.test(file)) rmSync(join(home, file));
  }
}

const rest = () => new Promise((resolve) => setTimeout(resolve, REST_MS));

/** One line per gateway and one of the whole. */
export function printRolling({ restarts, tally }: { restarts: Restart[]; tally: ValidTally }): string {
  const lines = restarts.map(
    ({ gateway, ending, readyMs }) =>
      `  ${gateway} ${ending.padEnd(8)} ready after ${(readyMs / 1000).toFixed(2)} s`,
  );
  const away = Object.entries(tally.away).map(([what, n]) => `${n} ${what}`);
  lines.push(
    `  ${tally.atOnce} requests served at once, ${tally.elsewhere} by the other gateway (${away.join(", ") || "none away"}), ${tally.nowhere} nowhere`,
    "  0 answers 401, 0 answers 404, 0 others",
  );
  return lines.join("\n");
}
