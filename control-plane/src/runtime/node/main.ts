/** A control plane as a Node process. Any number of them share one PostgreSQL. */
import type { Server } from "node:http";
import { prepareRanges } from "@claviger/shared/decide/ip-ranges";
import { pino } from "pino";
import { createControlPlane } from "../../app.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { startServer } from "./server.ts";
import { type Running, startServices } from "./services.ts";

/** Connections that are still busy after this long are cut, in milliseconds. */
const DRAIN_MS = 8_000;
/** How often a process that stops looks for held calls and connections that have nothing to do, in milliseconds. */
const LOOK_MS = 100;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel, base: { process: "control-plane" } });
  const services = await startServices(config, log);
  const app = createControlPlane(services.ports, settingsOf(config), services.fleetPorts);
  const stop = new AbortController();
  const { server } = await startServer(app, { ...config, stopping: stop.signal });
  log.info({ url: config.publicUrl, port: config.port }, "control plane ready");
  const onSignal = (signal: string) => {
    if (stop.signal.aborted) return;
    stop.abort();
    log.info({ signal }, "control plane stops");
    shutDown(server, services).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "control plane did not stop cleanly");
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);
}

function settingsOf(config: Config) {
  const { publicUrl, operatorToken, egressAllow, dashboardDir } = config;
  const trustedProxies = prepareRanges(config.trustedProxies);
  const mail = config.mail !== undefined;
  return { publicUrl, operatorToken, egressAllow, trustedProxies, mail, dashboardDir };
}

/** Stops accepting, ends held calls, lets the others end, then closes what they stood on. */
async function shutDown(server: Server, services: Running): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const look = setInterval(() => {
    services.endWaits();
    server.closeIdleConnections();
  }, LOOK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearInterval(look);
  clearTimeout(cut);
  await services.stop();
}

main().catch((error: unknown) => {
  const line = error instanceof ConfigError ? error.message : `control plane cannot start: ${String(error)}`;
  process.stderr.write(`${line}\n`);
  process.exit(1);
});
