/** Runs one kind of restriction at its full length, and prints what issue trackers and readers want to see. */
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { type RestrictionName, tryRestriction } from "../e2e/proofs/restriction.ts";
import { startLoad } from "../e2e/support/load.ts";
import { startWorld } from "../e2e/support/world.ts";

/** So many repetitions of each restriction under 200 requests a second on each gateway; throws at the first breach. */
export async function soakRestrictions(
  names: readonly RestrictionName[],
  repetitions: number,
): Promise<void> {
  const world = await startWorld();
  const load = startLoad();
  try {
    const control = await world.admin.createKey(world.projectId, { name: "control" });
    for (const name of names) {
      const waits: number[] = [];
      let refused = 0;
      for (let repetition = 0; repetition < repetitions; repetition += 1) {
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
}
