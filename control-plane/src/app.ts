/** Start reading here: the control plane is its route table over its ports. */
import { createServer } from "./http/server.ts";
import type { Ports } from "./ports.ts";
import type { Settings } from "./settings.ts";

/** `fetch(request, {peer})` answers every request; `peer` is the address at the other end of the connection. */
export function createControlPlane(ports: Ports, settings: Settings) {
  return createServer(ports, settings);
}
