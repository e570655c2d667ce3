/**
 * The local stack as a library: PostgreSQL, nats-server, sandbox provider, control plane, gateways, each a process of
 * its own, started in that order and stopped in reverse. The command line (start.ts) and the end-to-end tests use it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as definitions from "./definitions.ts";
import { endLeftovers, forgetChild, lockHome, noteChild } from "./home-lock.ts";
import { HOST, httpUrl, layOut, requireFreePorts } from "./layout.ts";
import { rotateLog } from "./log-file.ts";
import { findNatsServer } from "./nats-server.ts";
import { ensureDatabase } from "./postgres.ts";
import { ensureSecrets } from "./secrets.ts";
import { Seed } from "./seed.ts";
import { type ChildDefinition, SupervisedChild, type Supervision } from "./supervise.ts";
import type { Stack, StackOptions, StackUrls } from "./types.ts";
import { type Child, type ChildName, LocalStackError } from "./types.ts";
import { workerChild } from "./worker.ts";

/**
 * Starts everything and resolves when every child has proven to be ready. Continues with whatever an earlier start left
 * in the home, finished or not. On failure it stops what it started and throws `LocalStackError`.
 */
export async function startLocalStack(options: StackOptions): Promise<Stack> {
  const report = options.report ?? (() => undefined);
  const cacheDir = options.cacheDir ?? join(definitions.CHECKOUT, ".cache");
  mkdirSync(options.home, { recursive: true, mode: 0o700 });
  const unlock = lockHome(options.home);
  const children: SupervisedChild[] = [];
  const stop = async () => {
    await stopInReverse(children);
    unlock();
  };
  const interrupt = () => void stopInReverse(children);
  options.signal?.addEventListener("abort", interrupt, { once: true });
  try {
    await endLeftovers(options.home, report);
    const layout = layOut(options);
    const secrets = ensureSecrets(options.home, Object.keys(layout.gatewayPorts));
    const seed = new Seed(options.home, secrets, layout, options.demo ?? true);
    await requireFreePorts(layout, options.portBase);
    const blueprint: definitions.Blueprint = {
      home: options.home,
      layout,
      secrets,
      options,
      natsBinary: findNatsServer({ path: options.searchPath ?? "", cacheDir, report }),
      cacheDir,
      enrolmentToken: (gateway) => seed.enrolmentToken(gateway),
    };
    await startChildren(blueprint, seed, children, superviseWith(options, report));
    return assemble(blueprint, seed, children, stop);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", interrupt);
  }
}

function superviseWith(options: StackOptions, report: (line: string) => void): Supervision {
  return {
    restart: options.restart ?? true,
    report,
    onSpawn: (name, pid, stopSignal) => noteChild(options.home, name, pid, stopSignal),
    onExit: (name) => forgetChild(options.home, name),
    onLost: (name, exit) => options.onChildLost?.(name, exit),
  };
}

async function startChildren(
  blueprint: definitions.Blueprint,
  seed: Seed,
  children: SupervisedChild[],
  supervision: Supervision,
): Promise<void> {
  const { options, layout } = blueprint;
  const start = async (definition: ChildDefinition) => {
    options.signal?.throwIfAborted();
    const sinceMs = Date.now();
    rotateLog(definition.logFile);
    const child = new SupervisedChild(definition, supervision);
    children.push(child);
    await child.start();
    supervision.report(`${definition.name} is ready (${Date.now() - sinceMs} ms)`);
  };
  const startBus = async () => {
    await start(definitions.postgresChild(blueprint));
    await ensureDatabase(definitions.adminDatabaseUrl(blueprint), "claviger");
    rotateLog(definitions.logFileOf(blueprint.home, "nats-init"));
    await definitions.runNatsInit(blueprint);
    await start(definitions.natsChild(blueprint));
  };
  await allOrThrow([startBus(), start(definitions.sandboxChild(blueprint))]);
  await allOrThrow([
    ...layout.controlPlanePorts.map((_, n) => start(definitions.controlPlaneChild(blueprint, n))),
  ]);
  if (!seed.wanted) {
    seed.writeOperatorToken();
    return;
  }
  const gateways = Object.keys(layout.gatewayPorts);
  await seed.beforeGateways(gateways, options.replicas ?? 1, supervision.report);
  await allOrThrow(gateways.map((gateway) => start(gatewayChild(blueprint, gateway))));
  await seed.afterGateways(gateways, supervision.report);
}

function gatewayChild(blueprint: definitions.Blueprint, gateway: string): ChildDefinition {
  const isWorker = gateway in (blueprint.options.workers ?? {});
  return isWorker ? workerChild(blueprint, gateway) : definitions.gatewayChild(blueprint, gateway);
}

/** Waits for all, so that nothing still starts while the caller cleans up; then throws the first failure. */
async function allOrThrow(starts: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(starts);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function stopInReverse(children: readonly SupervisedChild[]): Promise<void> {
  const named = (test: (name: string) => boolean) => children.filter((child) => test(child.name));
  const groups = [
    named((name) => name.startsWith("gateway-")),
    named((name) => name.startsWith("control-plane")),
    named((name) => name === "sandbox"),
    named((name) => name === "nats"),
    named((name) => name === "postgres"),
  ];
  for (const group of groups) await Promise.all(group.map((child) => child.stop()));
}

function assemble(
  blueprint: definitions.Blueprint,
  seed: Seed,
  children: readonly SupervisedChild[],
  stop: () => Promise<void>,
): Stack {
  const child = (name: ChildName): Child => {
    const found = children.find((candidate) => candidate.name === name);
    if (found === undefined) throw new LocalStackError(`no child is called ${name}`);
    return found;
  };
  let stopping: Promise<void> | undefined;
  return {
    home: blueprint.home,
    urls: urlsOf(blueprint, seed),
    credentials: seed.credentials(),
    operatorToken: blueprint.secrets.operatorToken,
    get pids() {
      const running = children.flatMap((one) => (one.pid === null ? [] : [[one.name, one.pid] as const]));
      return Object.fromEntries(running) as Partial<Record<ChildName, number>>;
    },
    child,
    async restart(name) {
      await child(name).stop();
      await child(name).start();
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function urlsOf(blueprint: definitions.Blueprint, seed: Seed): StackUrls {
  const { layout } = blueprint;
  const controlPlanes = layout.controlPlanePorts.map(httpUrl);
  const controlPlane = controlPlanes[0] ?? "";
  const gateways = !seed.wanted ? [] : Object.entries(layout.gatewayPorts);
  return {
    controlPlane,
    controlPlanes,
    dashboard: `${controlPlane}/dashboard`,
    sandbox: httpUrl(layout.sandboxPort),
    postgres: definitions.databaseUrl(blueprint),
    nats: `nats://${HOST}:${layout.natsPort}`,
    natsWebSocket: `ws://${HOST}:${layout.natsWebSocketPort}`,
    gateways: Object.fromEntries(gateways.map(([name, port]) => [name, httpUrl(port)])),
  };
}
