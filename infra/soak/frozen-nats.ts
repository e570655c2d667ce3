/**
 * `npm run soak -- frozen-nats [rounds]`: nats-server is frozen and not killed, so that its connections stay and swallow
 * everything. In each round changes go on for five seconds, the first of them the moment it freezes; then it thaws.
 */
import { figuresOf, printFigures } from "../e2e/proofs/figures.ts";
import { changeFor, untilCouriers } from "../e2e/proofs/no-nats.ts";
import { startWorld } from "../e2e/support/world.ts";

const ROUNDS = 10;
const ROUND_MS = 5_000;
const P95_MS_MAX = 4_000;
const BACK_MS_MAX = 30_000;

const rounds = Number(process.argv[2] ?? ROUNDS);
const world = await startWorld({ restart: false });
try {
  const [firstMs, createdMs, confirmedMs]: [number[], number[], number[]] = [[], [], []];
  const nats = world.stack.child("nats");
  for (let round = 0; round < rounds; round++) {
    await untilCouriers(world, "bus", BACK_MS_MAX);
    nats.kill("SIGSTOP");
    const times = await changeFor(world, ROUND_MS);
    nats.kill("SIGCONT");
    // The call that makes the control key is the first; its time is not among these.
    firstMs.push(times.controlMs);
    createdMs.push(...times.createdMs);
    confirmedMs.push(...times.confirmedMs);
  }
  const figures = { first: figuresOf(firstMs), create: figuresOf(createdMs), revoke: figuresOf(confirmedMs) };
  console.log(printFigures("the change at the moment of the freeze", figures.first));
  console.log(printFigures("create while frozen, call to secret", figures.create));
  console.log(printFigures("revoke while frozen, call to confirmed", figures.revoke));
  if (Object.values(figures).some(({ p95Ms }) => p95Ms >= P95_MS_MAX)) {
    throw new Error(`a p95 is not under ${P95_MS_MAX} ms`);
  }
} finally {
  world.stack.child("nats").kill("SIGCONT");
  await world.stack.stop();
}
