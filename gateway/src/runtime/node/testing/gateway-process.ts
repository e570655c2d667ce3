/** For tests that measure what a gateway holds: one in a process of its own. Its messages: `{url, secret}`, then `Held`. */
import { startGateway } from "./rig.ts";

export interface Held {
  /** Heap and buffers, after a collection. */
  readonly heldBytes: number;
  /** Resident: what the allocator keeps of memory that is free again counts too, and differs from run to run. */
  readonly rssBytes: number;
  readonly inflight: number;
  /** Of both sides. */
  readonly sockets: number;
  readonly settled: number;
}

const gateway = await startGateway({ url: process.argv[2] ?? "" });
const { secret } = gateway.table.addKey();
process.on("message", () => {
  global.gc?.();
  global.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const held: Held = {
    heldBytes: heapUsed + external,
    rssBytes: rss,
    inflight: gateway.gateway.inflight(),
    sockets: process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length,
    settled: gateway.ledger.settlements.length,
  };
  process.send?.(held);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ url: gateway.url, secret });
