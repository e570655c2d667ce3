/**
 * `npm run soak -- steady-budget [minutes] [minutes before]`: steady load on a key with requests per minute and a daily budget
 * that is worth an hour of that load; then control plane, PostgreSQL and bus are killed. Both gateways go on admitting.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startWorld, useKey } from "../e2e/support/world.ts";

const MINUTES = 10;
/** What is held is measured by what was spent before. */
const MINUTES_BEFORE = 3;
const PER_SECOND = 2;
/** What one of these requests costs: six tokens in and up to two out. */
const NANOS = 10_000;
const KILLED = ["control-plane", "nats", "postgres"] as const;

const minutes = Number(process.argv[2] ?? MINUTES);
const before = Number(process.argv[3] ?? MINUTES_BEFORE);
const portBase = process.env.CLAVIGER_PORT_BASE;
const world = await startWorld({
  restart: false,
  ...(portBase === undefined ? {} : { portBase: Number(portBase) }),
});
try {
  const perHour = PER_SECOND * world.gateways.length * 3_600;
  const key = await world.admin.createKey(world.projectId, {
    budgetUsd: ((perHour * NANOS) / 1e9).toFixed(6),
    budgetPeriod: "daily",
    requestsPerMinute: PER_SECOND * world.gateways.length * 60 * 2,
    maxStalenessSeconds: 1_800,
  });
  await load(key, before, "before");
  for (const name of KILLED) {
    const child = world.stack.child(name);
    const gone = child.nextExit();
    child.kill("SIGKILL");
    await gone;
  }
  await load(key, minutes, "without control plane, PostgreSQL and bus");
} finally {
  await world.stack.stop();
}

/** Asks each gateway at an even pace; throws when one of them refuses, but for the first moments of a key, whose share has yet to come. */
async function load(key: { readonly secret: string }, forMinutes: number, when: string): Promise<void> {
  const untilMs = performance.now() + forMinutes * 60_000;
  const counts = await Promise.all(
    world.gateways.map(async ({ name, url }) => {
      let served = 0;
      while (performance.now() < untilMs) {
        const { status, text } = await useKey(url, key);
        const isNew = when === "before" && served === 0;
        if (status !== 200 && !isNew) throw new Error(`${name} answered ${status} after ${served}: ${text}`);
        if (status === 200) served++;
        await delay(1_000 / PER_SECOND);
      }
      return `${name} served ${served}`;
    }),
  );
  console.log(`${forMinutes} min ${when}: ${counts.join(", ")}, refused none`);
}
