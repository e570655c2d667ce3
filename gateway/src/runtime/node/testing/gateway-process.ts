/** For tests that measure a gateway's memory: one in a process of its own. Its messages: `{url, secret}`, then what it holds. */
import { startGateway } from "./rig.ts";

const gateway = await startGateway({ url: process.argv[2] ?? "" });
const { secret } = gateway.table.addKey();
process.on("message", () => {
  global.gc?.();
  global.gc?.();
  // Not the resident set: what the allocator keeps of memory that is free again differs from run to run.
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ heldBytes: heapUsed + external, inflight: gateway.gateway.inflight() });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ url: gateway.url, secret });
