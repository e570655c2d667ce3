/** The process of a Node gateway: reads the environment, starts one replica, ends on SIGTERM or SIGINT. */
import { pino } from "pino";
import { startReplica } from "./compose.ts";
import { ConfigError, readConfig } from "./config.ts";

try {
  const config = readConfig(process.env);
  const logger = pino({ level: config.logLevel, base: { service: "gateway" } });
  const replica = await startReplica(config, logger);
  const { port, gatewayName: gateway, replicaId } = replica;
  logger.info({ gateway, replica: replicaId, host: config.host, port }, "gateway listens");
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, "gateway stops");
    replica.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, "the gateway could not stop in order");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`gateway: ${error instanceof ConfigError ? message : `cannot start: ${message}`}\n`);
  process.exit(1);
}
