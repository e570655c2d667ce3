/** The process of a Node gateway: reads the environment, starts its replicas, ends on SIGTERM or SIGINT. */
import cluster from "node:cluster";
import { pino } from "pino";
import { startReplica } from "./compose.ts";
import { ConfigError, readConfig } from "./config.ts";
import { superviseReplicas } from "./replicas.ts";

try {
  const config = readConfig(process.env);
  const base = { service: "gateway", ...(config.replicas > 1 ? { slot: config.slot } : {}) };
  const logger = pino({ level: config.logLevel, base });
  const many = config.replicas > 1 && cluster.isPrimary;
  const running = many ? superviseReplicas(config.replicas, logger) : await startOne();
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, "gateway stops");
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, "the gateway could not stop in order");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));

  async function startOne(): Promise<{ stop(): Promise<void> }> {
    const replica = await startReplica(config, logger);
    const { port, gatewayName: gateway, replicaId } = replica;
    logger.info({ gateway, replica: replicaId, host: config.host, port }, "gateway listens");
    return replica;
  }
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`gateway: ${error instanceof ConfigError ? message : `cannot start: ${message}`}\n`);
  process.exit(1);
}
