/** `npm run soak -- no-nats [minutes]`: ten minutes without the bus, creating and revoking all the time. */
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { changeFor, couriersOf, untilCouriers } from "../e2e/proofs/no-nats.ts";
import { startWorld } from "../e2e/support/world.ts";

const MINUTES = 10;
/** Two changes and six requests a second are enough to see a gap of any length. */
const REST_MS = 400;
const P95_MS_MAX = 1_000;
const BACK_MS_MAX = 25_000;

const minutes = Number(process.argv[2] ?? MINUTES);
const world = await startWorld({ restart: false });
try {
  await untilCouriers(world, "bus", BACK_MS_MAX);
  const nats = world.stack.child("nats");
  const gone = nats.nextExit();
  nats.kill("SIGKILL");
  await gone;
  const times = await changeFor(world, minutes * 60_000, REST_MS);
  const figures = [figuresOf(times.createdMs), figuresOf(times.confirmedMs)];
  const names = ["create, call to secret", "revoke, call to confirmed"];
  for (const [n, each] of figures.entries()) console.log(printFigures(names[n] ?? "", each));
  console.log(
    `  ${minutes} min without the bus, on ${couriersOf(world).join(" and ")}: every change confirmed`,
  );
  if (figures.some(({ p95Ms }) => p95Ms >= P95_MS_MAX))
    throw new Error(`a p95 is not under ${P95_MS_MAX} ms`);
  await nats.start();
  console.log(`  back on the bus after ${Math.round(await untilCouriers(world, "bus", BACK_MS_MAX))} ms`);
} finally {
  await world.stack.stop();
}
