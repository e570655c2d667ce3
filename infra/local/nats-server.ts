/** Finds or fetches a nats-server, and runs it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { readLogTail } from "./log-file.ts";
import { type ProcessSpec, startProcess } from "./process.ts";
import { LocalStackError } from "./types.ts";
import { accepts, waitUntil } from "./wait.ts";

/** Where Homebrew and Debian put it when PATH does not name the folder. */
const OTHER_PLACES = [
  "/usr/sbin/nats-server",
  "/opt/homebrew/bin/nats-server",
  "/usr/local/bin/nats-server",
  "/home/linuxbrew/.linuxbrew/bin/nats-server",
];

export interface NatsSearch {
  /** The value of PATH. */
  readonly path: string;
  /** Folder that a downloaded server is kept in. */
  readonly cacheDir: string;
  readonly report?: ((line: string) => void) | undefined;
}

/** An absolute path of a nats-server that runs: PATH, the cache, Homebrew's folders, else Debian's package. */
export function findNatsServer(search: NatsSearch): string {
  const cached = join(search.cacheDir, "nats-server", "usr/sbin/nats-server");
  const onPath = search.path.split(delimiter).map((folder) => join(folder, "nats-server"));
  const present = [...onPath, cached, ...OTHER_PLACES].find((file) => file.startsWith("/") && runs(file));
  if (present !== undefined) return present;
  search.report?.("nats-server is not installed; fetching Debian's package into the cache");
  const failure = fetchDebianPackage(search.cacheDir);
  if (failure === null && runs(cached)) return cached;
  throw new LocalStackError(
    `no nats-server: it is not on PATH, "apt-get download nats-server" did not work ` +
      `(${failure ?? "its program does not run"}), and Homebrew has none ("brew install nats-server")`,
  );
}

function runs(file: string): boolean {
  return existsSync(file) && spawnSync(file, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Null when the package lies unpacked in the cache; else why not. Needs no root, except for a first `apt-get update`. */
function fetchDebianPackage(cacheDir: string): string | null {
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, "nats-download-"));
  try {
    let failure = run("apt-get", ["download", "nats-server"], work);
    if (failure !== null) {
      const stale = run("apt-get", ["update"], work);
      failure = stale ?? run("apt-get", ["download", "nats-server"], work);
    }
    if (failure !== null) return failure;
    const archive = readdirSync(work).find((file) => file.endsWith(".deb"));
    if (archive === undefined) return "the download left no package";
    const unpacked = run("dpkg", ["-x", archive, "unpacked"], work);
    if (unpacked !== null) return unpacked;
    const target = join(cacheDir, "nats-server");
    rmSync(target, { recursive: true, force: true });
    renameSync(join(work, "unpacked"), target);
    return null;
  } catch (error) {
    // Somebody else may have put it there in the meantime; the caller looks.
    return String(error);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(command: string, args: string[], cwd: string): string | null {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 120_000 });
  if (result.status === 0) return null;
  if (result.error !== undefined) return result.error.message;
  return result.stderr.trim().split("\n").at(-1) || `${command} ended with ${result.status ?? result.signal}`;
}

export interface NatsOptions {
  readonly binary: string;
  readonly configFile: string;
  /** The port that the configuration makes it listen on. */
  readonly port: number;
  readonly host?: string;
  /** Default: beside the configuration. */
  readonly logFile?: string;
}

export interface StartedNats {
  readonly url: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Says how the server is run. */
export function prepareNats(options: NatsOptions): ProcessSpec {
  return {
    command: options.binary,
    args: ["-c", options.configFile],
    cwd: dirname(options.configFile),
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", TZ: "UTC" },
    logFile: options.logFile ?? `${options.configFile}.log`,
    stopSignal: "SIGTERM",
    stopMsMax: 5000,
  };
}

/** Starts nats-server and resolves when it accepts connections; throws with its last log lines when it does not. */
export async function startNats(options: NatsOptions): Promise<StartedNats> {
  const spec = prepareNats(options);
  const host = options.host ?? "127.0.0.1";
  const process = await startProcess(spec);
  const ready = await waitUntil(() => accepts(host, options.port), {
    timeoutMs: 10_000,
    everyMs: 20,
    abandoned: () => process.exit() !== null,
  });
  if (!ready) {
    await process.stop();
    throw new LocalStackError("nats-server did not become ready", readLogTail(spec.logFile, 20));
  }
  return {
    url: `nats://${host}:${options.port}`,
    pid: process.pid,
    kill: process.kill,
    async stop() {
      await process.stop();
    },
  };
}
