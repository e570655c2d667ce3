/** The process of a Node gateway: reads the environment, starts its replicas, ends on SIGTERM or SIGINT. */
import cluster from "node:cluster";
import { pino } from "pino";
import { ConfigError } from "../../config-error.ts";
import { startReplica } from "./compose.ts";
import { readConfig } from "./config.ts";
import { superviseReplicas } from "./replicas.ts";

try {
  const config = readConfig(process.env);
  const many = config.replicas > 1 && cluster.isPrimary;
  const base = { service: "gateway", ...(many || config.replicas === 1 ? {} : { slot: config.slot }) };
  const logger = pino({ level: config.logLevel, base });
  let stopping = false;
  const stop = (why: object, exitCode: number) => {
    if (stopping) return;
    stopping = true;
    logger.info(why, "gateway stops");
    running.stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.error({ err: error }, "the gateway could not stop in order");
        process.exit(1);
      },
    );
  };
  const startOne = async () => {
    const replica = await startReplica(config, logger);
    const { port, gatewayName: gateway, replicaId } = replica;
    logger.info({ gateway, replica: replicaId, host: config.host, port }, "gateway listens");
    return replica;
  };
  const running = many
    ? superviseReplicas(config.replicas, logger, () => stop({ why: "a replica could not start" }, 1))
    : await startOne();
  process.on("SIGTERM", () => stop({ signal: "SIGTERM" }, 0));
  process.on("SIGINT", () => stop({ signal: "SIGINT" }, 0));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`gateway: ${error instanceof ConfigError ? message : `cannot start: ${message}`}\n`);
  process.exit(1);
}
