/** `npm run soak -- create`: 1 000 keys made one after another, each used at once on every gateway. */
import { tryCreation } from "../e2e/proofs/creation.ts";
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { startWorld } from "../e2e/support/world.ts";

const KEYS = 1_000;

const world = await startWorld();
try {
  const waits: number[] = [];
  for (let made = 0; made < KEYS; made += 1) waits.push((await tryCreation(world)).createdMs);
  console.log(printFigures("create, call to secret", figuresOf(waits)));
  console.log(`  ${KEYS} keys used on ${world.gateways.length} gateways each: every one admitted`);
} finally {
  await world.stack.stop();
}
