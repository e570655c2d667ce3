/**
 * `npm run soak -- mcp-rolling [restarts]`: both official MCP clients call a real server through three gateways behind a
 * round-robin, one of which is stopped and started anew every second. Not one call fails but those that were at the gateway
 * that was stopped.
 */
import { runRoundRobin } from "../conformance/mcp/round-robin.ts";
import { startEverything } from "../conformance/mcp/servers.ts";

const restarts = Number(process.argv[2] ?? 60);
const everything = await startEverything();
const outcome = await runRoundRobin({ url: everything.url, restarts, everyMs: 1_000, clientsOfEach: 2 });
await everything.stop();
console.log(JSON.stringify({ ...outcome, failures: outcome.failures.length }));
for (const failure of outcome.failures.slice(0, 10)) console.log(failure);
process.exit(outcome.failures.length === 0 ? 0 : 1);
