/**
 * `npm run soak -- budget [repetitions] [requests per gateway]`: eight gateways, one key with a dollar, a thousand requests
 * at once at each. Every second repetition has aborts and faults. Prints billed, limit and stranded of each.
 */
import { closeBudgetRuns, proveBudget, tellBudget } from "../e2e/proofs/budget.ts";
import { startWorld } from "../e2e/support/world.ts";

/** As long as the money takes to be spent on two cores. */
const FAULTS_WITHIN_MS = 12_000;

/** Of output: a dollar is for some 800 of the 8 000 requests, and every other one is told that there is none left. */
const TOKENS_MAX = 3_000;

const repetitions = Number(process.argv[2] ?? 50);
const requestsPerGateway = Number(process.argv[3] ?? 1_000);
const portBase = process.env.CLAVIGER_PORT_BASE;

const offsets = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`gw-${n}`, n] as const);
const world = await startWorld({
  gateways: Object.fromEntries(offsets),
  ...(portBase === undefined ? {} : { portBase: Number(portBase) }),
});
try {
  // A second one, so that gateways try again by themselves where the first one failed.
  const attributes = { provider: "sandbox", secretKey: "sandbox-needs-no-secret", baseUrl: world.sandboxUrl };
  const llmKey = { data: { type: "llm-api-key", attributes: { ...attributes, name: "second" } } };
  await world.admin.change("POST", `/projects/${world.projectId}/llm-api-keys`, llmKey);
  for (let n = 1; n <= repetitions; n++) {
    const rough = n % 2 === 0;
    const faults = rough ? { faultsWithinMs: FAULTS_WITHIN_MS } : {};
    const run = { limitUsd: "1.00", tokensMax: TOKENS_MAX, requestsPerGateway, aborts: rough, ...faults };
    const startedMs = performance.now();
    const figures = await proveBudget(world, run);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    console.log(`${n}/${repetitions}${rough ? " with faults" : ""}, ${seconds} s: ${tellBudget(figures)}`);
  }
} finally {
  await closeBudgetRuns();
  await world.stack.stop();
}
