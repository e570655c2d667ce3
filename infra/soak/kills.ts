/**
 * `npm run soak -- kills [minutes]`: SIGKILL at random of gateways, control plane, PostgreSQL and nats-server under load for
 * five minutes, then usage against the provider's ledger, attempt by attempt; then the same with all that NATS has deleted
 * at each of its deaths.
 */
import { proveKills, tellKills } from "../e2e/proofs/kills.ts";
import { startWorld } from "../e2e/support/world.ts";

const minutes = Number(process.argv[2] ?? 5);
const portBase = process.env.CLAVIGER_PORT_BASE;
const world = await startWorld({
  ...{ gateways: { "eu-1": 1, "us-1": 2, "ap-1": 3 } },
  ...(portBase === undefined ? {} : { portBase: Number(portBase) }),
});
try {
  for (const wipeNats of [false, true]) {
    const run = { forMs: minutes * 60_000, everyMs: [2_000, 8_000] as const, callers: 6, wipeNats };
    const figures = await proveKills(world, run);
    console.log(
      `${minutes} min${wipeNats ? ", all of NATS's data wiped at each kill" : ""}: ${tellKills(figures)}`,
    );
  }
} finally {
  await world.stack.stop();
}
