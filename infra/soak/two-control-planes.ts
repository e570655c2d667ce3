/** `npm run soak -- two-control-planes`: one of two control planes killed in the middle of 1 000 changes of keys. */
import { changeWhileOneDies, faultsOf } from "../e2e/proofs/two-control-planes.ts";
import { startStack } from "../testing/stack.ts";

const CHANGES = 1_000;

const stack = await startStack({ controlPlanes: 2 });
try {
  const outcome = await changeWhileOneDies(stack, CHANGES);
  const faults = await faultsOf(stack, outcome, CHANGES);
  const lost = outcome.made.filter(({ secret }) => secret === undefined).length;
  console.log(
    `  ${outcome.made.length} keys made, every second one revoked; ${outcome.repeated} calls repeated`,
  );
  console.log(
    `  ${lost} secrets were lost with the process that had them; callers of both gateways noticed nothing`,
  );
  for (const fault of faults) console.log(`  FAULT ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  await stack.stop();
}
