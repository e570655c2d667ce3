/**
 * `npm run soak -- workers [REPETITIONS]`: a revocation under load on two Node gateways and a Worker, 100 times; before
 * every fourth one the object's process, workerd's host or nats-server is killed or restarted at random, while the load runs.
 */
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { tryRestriction } from "../e2e/proofs/restriction.ts";
import { startLoad } from "../e2e/support/load.ts";
import { startWorld, useKey } from "../e2e/support/world.ts";

const REPETITIONS = Number(process.argv[2] ?? 100);
const FAULT_EVERY = 4;
const BACK_MS_MAX = 60_000;

const world = await startWorld({ workers: { "edge-1": 3 } });
const load = startLoad();
const faults: Readonly<Record<string, () => Promise<void>>> = {
  "workerd killed": async () => {
    const child = world.stack.child("gateway-edge-1");
    const ended = child.nextExit();
    child.kill("SIGKILL");
    await ended;
  },
  "workerd restarted": () => world.stack.restart("gateway-edge-1"),
  "nats-server restarted": () => world.stack.restart("nats"),
};

/** Until every gateway serves again; the change that follows has nobody to wait for in vain. */
async function back(secret: string): Promise<void> {
  const deadlineMs = Date.now() + BACK_MS_MAX;
  for (const { url, name } of world.gateways) {
    for (;;) {
      const status = await useKey(url, { secret }).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) break;
      if (Date.now() > deadlineMs) throw new Error(`${name} does not serve again: ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

try {
  const control = await world.admin.createKey(world.projectId, { name: "control" });
  const waits: number[] = [];
  const done: Record<string, number> = {};
  let refused = 0;
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    if (repetition % FAULT_EVERY === 0) {
      const names = Object.keys(faults);
      const name = names[Math.floor(Math.random() * names.length)] ?? "";
      await faults[name]?.();
      done[name] = (done[name] ?? 0) + 1;
      await back(control.secret);
    }
    const trial = await tryRestriction(world, load, "revoke", control);
    waits.push(trial.confirmedMs);
    refused += trial.refusedAfter;
  }
  console.log(printFigures("eu-1, us-1 and edge-1: revoke, call to confirmed", figuresOf(waits)));
  console.log(`  ${refused} requests began after the answer: 0 admitted; ${JSON.stringify(done)}`);
} finally {
  await load.end();
  await world.stack.stop();
}
