/** What each child is: program, environment (API.md §1), and the proof that it is ready. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { HOST, httpUrl, type Layout } from "./layout.ts";
import { readLogTail } from "./log-file.ts";
import { prepareNats } from "./nats-server.ts";
import { postgresAnswers, postgresUrl, preparePostgres } from "./postgres.ts";
import { type ProcessSpec, startProcess } from "./process.ts";
import type { Secrets } from "./secrets.ts";
import type { ChildDefinition } from "./supervise.ts";
import { type ChildName, LocalStackError, type StackOptions } from "./types.ts";
import { accepts } from "./wait.ts";

export const CHECKOUT = resolve(import.meta.dirname, "../..");
const DATABASE = "claviger";

/** Everything a definition is made of. */
export interface Blueprint {
  readonly home: string;
  readonly layout: Layout;
  readonly secrets: Secrets;
  readonly options: StackOptions;
  readonly natsBinary: string;
  readonly cacheDir: string;
  /** The token for a gateway's first start; undefined once it has enrolled. */
  readonly enrolmentToken: (gateway: string) => string | undefined;
}

export function adminDatabaseUrl(blueprint: Blueprint): string {
  return databaseUrl(blueprint, "postgres");
}

export function databaseUrl(blueprint: Blueprint, database = DATABASE): string {
  const { layout, secrets } = blueprint;
  return postgresUrl({ port: layout.postgresPort, password: secrets.postgresPassword }, database);
}

export function logFileOf(home: string, name: string): string {
  return join(home, "logs", `${name}.log`);
}

export function postgresChild(blueprint: Blueprint): ChildDefinition {
  const { home, layout, secrets, options } = blueprint;
  const logFile = logFileOf(home, "postgres");
  return {
    name: "postgres",
    logFile,
    readyMsMax: 30_000,
    ready: () => postgresAnswers(adminDatabaseUrl(blueprint)),
    prepare: () =>
      preparePostgres({
        dir: join(home, "postgres"),
        port: layout.postgresPort,
        password: secrets.postgresPassword,
        logFile,
        settings: options.postgresSettings ?? {},
      }),
  };
}

export function natsChild(blueprint: Blueprint): ChildDefinition {
  const { home, layout } = blueprint;
  const logFile = logFileOf(home, "nats");
  return {
    name: "nats",
    logFile,
    readyMsMax: 15_000,
    ready: async () =>
      (await accepts(HOST, layout.natsPort)) && (await accepts(HOST, layout.natsWebSocketPort)),
    prepare: async () =>
      prepareNats({
        binary: blueprint.natsBinary,
        configFile: join(home, "nats", "nats.conf"),
        port: layout.natsPort,
        logFile,
      }),
  };
}

/** Makes the NATS keys (once) and writes `nats.conf`; also migrates the database. Runs to its end. */
export async function runNatsInit(blueprint: Blueprint): Promise<void> {
  const { home, layout, secrets } = blueprint;
  const logFile = logFileOf(home, "nats-init");
  const args = ["--out", join(home, "nats"), "--port", String(layout.natsPort)];
  args.push("--ws-port", String(layout.natsWebSocketPort), "--host", HOST);
  const spec = nodeProgram(
    blueprint,
    "control-plane/src/runtime/node/nats-init.ts",
    { DATABASE_URL: databaseUrl(blueprint), CLAVIGER_KEK: secrets.keyEncryptionKey },
    logFile,
    args,
  );
  const exit = await (await startProcess(spec)).exited;
  if (exit.code !== 0) throw new LocalStackError("the NATS keys could not be made", readLogTail(logFile, 15));
}

export function sandboxChild(blueprint: Blueprint): ChildDefinition {
  const { layout } = blueprint;
  const env = { PORT: String(layout.sandboxPort), HOST };
  const program = "infra/sandbox-provider/main.ts";
  return {
    ...nodeChild(blueprint, "sandbox", layout.sandboxPort, program, () => env),
    ready: () => answersOk(`${httpUrl(layout.sandboxPort)}/healthz`),
  };
}

/** The n-th control-plane process, counted from 0. */
export function controlPlaneChild(blueprint: Blueprint, n: number): ChildDefinition {
  const { layout, secrets } = blueprint;
  const port = layout.controlPlanePorts[n] ?? 0;
  const name: ChildName = n === 0 ? "control-plane" : `control-plane-${n + 1}`;
  const env = {
    DATABASE_URL: databaseUrl(blueprint),
    NATS_URL: `nats://${HOST}:${layout.natsPort}`,
    CLAVIGER_NATS_PUBLIC_URLS: `nats://${HOST}:${layout.natsPort},ws://${HOST}:${layout.natsWebSocketPort}`,
    CLAVIGER_KEK: secrets.keyEncryptionKey,
    CLAVIGER_OPERATOR_TOKEN: secrets.operatorToken,
    CLAVIGER_PUBLIC_URL: httpUrl(layout.controlPlanePorts[0] ?? 0),
    // Workers are knocked at.
    CLAVIGER_EGRESS_ALLOW: [layout.sandboxPort, ...workerPorts(blueprint)]
      .map((at) => `${HOST}:${at}`)
      .join(),
    PORT: String(port),
    HOST,
  };
  return nodeChild(blueprint, name, port, "control-plane/src/runtime/node/main.ts", () => env);
}

function workerPorts({ layout, options }: Blueprint): number[] {
  return Object.keys(options.workers ?? {}).map((name) => layout.gatewayPorts[name] ?? 0);
}

export function gatewayChild(blueprint: Blueprint, gateway: string): ChildDefinition {
  const { home, layout, secrets, options } = blueprint;
  const port = layout.gatewayPorts[gateway] ?? 0;
  const gatewayHome = join(home, "gateways", gateway);
  return nodeChild(blueprint, `gateway-${gateway}`, port, "gateway/src/runtime/node/main.ts", () => {
    mkdirSync(gatewayHome, { recursive: true, mode: 0o700 });
    const token = blueprint.enrolmentToken(gateway);
    return {
      CLAVIGER_CONTROL_PLANE_URL: httpUrl(layout.controlPlanePorts[0] ?? 0),
      ...(token === undefined ? {} : { CLAVIGER_ENROLMENT_TOKEN: token }),
      CLAVIGER_GATEWAY_HOME: gatewayHome,
      CLAVIGER_GATEWAY_MASTER_KEY: secrets.gatewayMasterKeys[gateway] ?? "",
      CLAVIGER_REPLICAS: String(options.replicas ?? 1),
      CLAVIGER_PUBLIC_URL: httpUrl(port),
      CLAVIGER_EGRESS_ALLOW: `${HOST}:${layout.sandboxPort}`,
      PORT: String(port),
      HOST,
    };
  });
}

function nodeChild(
  blueprint: Blueprint,
  name: ChildName,
  port: number,
  program: string,
  env: () => Record<string, string>,
): ChildDefinition {
  const logFile = logFileOf(blueprint.home, name);
  return {
    name,
    logFile,
    // A gateway reads all of its state first: hundreds of megabytes, on a machine that does other things.
    readyMsMax: 90_000,
    prepare: async () =>
      nodeProgram(blueprint, program, { ...env(), ...blueprint.options.env?.[name] }, logFile),
    ready: () => answersOrIsDetached(`${httpUrl(port)}/readyz`),
  };
}

/** A gateway that an administrator has detached is never ready again, and nobody has to wait for it. */
export async function answersOrIsDetached(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
  return (await answer.text()).includes('"detached"') || answer.status === 200;
}

async function answersOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await answer.arrayBuffer();
  return answer.status === 200;
}

function nodeProgram(
  blueprint: Blueprint,
  program: string,
  env: Record<string, string>,
  logFile: string,
  args: readonly string[] = [],
): ProcessSpec {
  return {
    command: process.execPath,
    args: [join(CHECKOUT, program), ...args],
    cwd: CHECKOUT,
    // Nothing of the terminal's environment: a setting that the stack does not make does not reach a child.
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      TZ: "UTC",
      // Stripped and compiled sources from the last start: about 0.2 s of CPU less per child.
      NODE_COMPILE_CACHE: join(blueprint.cacheDir, "node"),
      ...env,
    },
    logFile,
    stopSignal: "SIGTERM",
    // A gateway lets requests in flight end for 10 s, a control plane for 8 s.
    stopMsMax: 15_000,
  };
}
