/** A free range of ports for a stack that a test starts by hand. */
import { PORT_SPAN } from "../../local/layout.ts";
import { isPortFree } from "../../local/ports.ts";

/** Beside the range that infra/testing/stack.ts takes its bases from, and below the ports of outgoing connections. */
const FIRST_BASE = 16_000;
const BASES = 60;

/** The first port of a free range. */
export async function freePortBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const base = FIRST_BASE + 50 * Math.floor(Math.random() * BASES);
    const span = Array.from({ length: PORT_SPAN }, (_, offset) => base + offset);
    if ((await Promise.all(span.map(isPortFree))).every(Boolean)) return base;
  }
  throw new Error("found no free range of ports");
}
