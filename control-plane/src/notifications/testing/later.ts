/** For tests: the same control plane at another time. */
import type { Ports } from "../../ports.ts";

/** Ports whose clock is ahead by so many milliseconds. */
export function later(ports: Ports, byMs: number): Ports {
  return { ...ports, clock: { nowMs: () => ports.clock.nowMs() + byMs } };
}
