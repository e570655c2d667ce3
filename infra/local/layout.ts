/** Which port and which address belong to which child (API.md §1). */
import { isPortFree } from "./ports.ts";
import { LocalStackError, type StackOptions } from "./types.ts";

export const HOST = "127.0.0.1";

export interface Layout {
  readonly controlPlanePorts: readonly number[];
  readonly gatewayPorts: Readonly<Record<string, number>>;
  readonly sandboxPort: number;
  readonly postgresPort: number;
  readonly natsPort: number;
  readonly natsWebSocketPort: number;
}

export const DEFAULT_GATEWAYS: Readonly<Record<string, number>> = { "eu-1": 1, "us-1": 2 };

/** What `npm start -- --worker` adds. */
export const DEFAULT_WORKERS: Readonly<Record<string, number>> = { "edge-1": 3 };

/** The highest offset from the base that a stack may use. */
export const PORT_SPAN = 40;

/** Where everything listens. */
export function layOut(
  options: Pick<StackOptions, "portBase" | "controlPlanes" | "gateways" | "workers">,
): Layout {
  const base = options.portBase;
  const more = Array.from({ length: (options.controlPlanes ?? 1) - 1 }, (_, n) => base + 22 + n);
  const gateways = Object.entries({ ...(options.gateways ?? DEFAULT_GATEWAYS), ...options.workers });
  return {
    controlPlanePorts: [base, ...more],
    gatewayPorts: Object.fromEntries(gateways.map(([name, offset]) => [name, base + offset])),
    sandboxPort: base + 9,
    postgresPort: base + 10,
    natsPort: base + 11,
    natsWebSocketPort: base + 12,
  };
}

/** Throws one line that names a taken port, what wanted it, and the setting that moves it. */
export async function requireFreePorts(layout: Layout, portBase: number): Promise<void> {
  const wanted: [number, string][] = [
    ...layout.controlPlanePorts.map((port): [number, string] => [port, "the control plane"]),
    ...Object.entries(layout.gatewayPorts).map(([name, port]): [number, string] => [port, `gateway ${name}`]),
    [layout.sandboxPort, "the sandbox provider"],
    [layout.postgresPort, "PostgreSQL"],
    [layout.natsPort, "NATS"],
    [layout.natsWebSocketPort, "NATS over WebSocket"],
  ];
  for (const [port, wantedBy] of wanted) {
    if (await isPortFree(port)) continue;
    throw new LocalStackError(
      `Port ${port} is taken, and ${wantedBy} needs it. Free it, or move all ports with CLAVIGER_PORT_BASE (now ${portBase}).`,
    );
  }
}

export function httpUrl(port: number): string {
  return `http://${HOST}:${port}`;
}
