/** The sandbox provider as a process: `PORT` (8709), `HOST` (127.0.0.1), JSON lines on stdout, SIGTERM ends it. */
import { createSandbox } from "./create-sandbox.ts";

function log(level: "info" | "error", message: string, more: Record<string, unknown> = {}): void {
  process.stdout.write(
    `${JSON.stringify({ level, time: Date.now(), name: "sandbox-provider", msg: message, ...more })}\n`,
  );
}

function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT is ${JSON.stringify(text)}, which is not a port`);
}

try {
  const sandbox = await createSandbox({
    port: readPort(process.env.PORT ?? "8709"),
    host: process.env.HOST ?? "127.0.0.1",
  });
  log("info", "listening", { url: sandbox.url });
  const stop = () => {
    void sandbox.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
} catch (error) {
  log("error", error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
