/** Port ranges for whole stacks, so that tests that run at the same time never meet. */
import { createServer, type Server } from "node:net";
import { PORT_SPAN } from "../local/layout.ts";
import { isPortFree } from "../local/ports.ts";

/** Below the range that systems give to outgoing connections, so that none of those lands on a port of ours. */
const FIRST_BASE = 20_000;
const RANGES = 240;
const RANGE = 50;

export interface PortRange {
  /** For `portBase` or CLAVIGER_PORT_BASE. */
  readonly base: number;
  /** Lets others have the range. */
  release(): void;
}

/** A range in which every port of a stack is free; held against other tests by a listener on its last port. */
export async function reservePortRange(): Promise<PortRange> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = FIRST_BASE + RANGE * Math.floor(Math.random() * RANGES);
    const holder = await listen(base + RANGE - 1);
    if (holder === null) continue;
    const span = Array.from({ length: PORT_SPAN }, (_, offset) => base + offset);
    const free = await Promise.all(span.map(isPortFree));
    if (free.every(Boolean)) return { base, release: () => void holder.close() };
    holder.close();
  }
  throw new Error("found no free range of ports");
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(null));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}
