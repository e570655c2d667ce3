/** Start reading here: the control plane is its route table over its ports. */
import { createServer } from "./http/server.ts";
import type { Ports } from "./ports.ts";
import type { Settings } from "./settings.ts";

/**
 * `fetch(request, {peer})` answers every request; `peer` is the address at the other end of the connection. With
 * `fleetPorts` of their own, replicas' calls have database connections that no call of the API can hold.
 */
export function createControlPlane(ports: Ports, settings: Settings, fleetPorts: Ports = ports) {
  return createServer(ports, settings, fleetPorts);
}
