/** `npm run soak -- revoke`: 200 repetitions of each change that takes a key's admission away, under 200 requests/s per gateway. */
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { RESTRICTIONS, type RestrictionName, tryRestriction } from "../e2e/proofs/restriction.ts";
import { startLoad } from "../e2e/support/load.ts";
import { startWorld } from "../e2e/support/world.ts";

const REPETITIONS = 200;

const world = await startWorld();
const load = startLoad();
try {
  const control = await world.admin.createKey(world.projectId, { name: "control" });
  for (const name of Object.keys(RESTRICTIONS) as RestrictionName[]) {
    const waits: number[] = [];
    let refused = 0;
    for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
      const trial = await tryRestriction(world, load, name, control);
      waits.push(trial.confirmedMs);
      refused += trial.refusedAfter;
    }
    console.log(printFigures(`${name}, call to confirmed`, figuresOf(waits)));
    console.log(`  ${refused} requests began after the answer: 0 admitted`);
  }
} finally {
  await load.end();
  await world.stack.stop();
}
