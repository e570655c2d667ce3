/**
 * The data folder. PostgreSQL gets it as an open descriptor (`/proc/self/fd/3`) when it runs as nobody, so the folder
 * may lie below directories that only root can enter (a home made by `mktemp -d`, a checkout below /root) and no
 * permission of a parent is touched.
 */
import { spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { LocalStackError } from "./types.ts";
import { waitUntil } from "./wait.ts";

/** How a process with descriptor 3 on the data folder names it. */
export const INHERITED_DATA_DIR = "/proc/self/fd/3";
const INHERITED_PASSWORD_FILE = "/proc/self/fd/4";

export interface ClusterSettings {
  /** Made when missing; holds `data/`. */
  readonly dir: string;
  readonly password: string;
  /** Skips fsync; for throw-away databases. */
  readonly unsafe: boolean;
}

/** Makes the cluster once and returns its data folder. An initdb that was cut short leaves nothing that counts. */
export function ensureCluster(binaries: PostgresBinaries, settings: ClusterSettings): string {
  const dataDir = join(settings.dir, "data");
  if (existsSync(join(dataDir, "PG_VERSION"))) return dataDir;
  mkdirSync(settings.dir, { recursive: true, mode: 0o700 });
  const unfinished = join(settings.dir, "data.unfinished");
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  if (binaries.uid !== undefined) chownSync(unfinished, binaries.uid, binaries.uid);
  initdb(binaries, unfinished, settings);
  rmSync(dataDir, { recursive: true, force: true });
  renameSync(unfinished, dataDir);
  return dataDir;
}

function initdb(binaries: PostgresBinaries, dataDir: string, settings: ClusterSettings): void {
  const passwordFile = join(settings.dir, "initdb-password");
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, `${settings.password}\n`, { mode: 0o600 });
  const asNobody = binaries.uid !== undefined;
  if (binaries.uid !== undefined) chownSync(passwordFile, binaries.uid, binaries.uid);
  const inherited = [dataDir, passwordFile].map((path) => openSync(path, "r"));
  const result = spawnSync(
    binaries.initdb,
    [
      ...["-D", asNobody ? INHERITED_DATA_DIR : dataDir, "--username=postgres", "--encoding=UTF8"],
      ...["--locale=C", "--auth=scram-sha-256", "--no-instructions"],
      `--pwfile=${asNobody ? INHERITED_PASSWORD_FILE : passwordFile}`,
      ...(settings.unsafe ? ["--no-sync"] : []),
    ],
    {
      cwd: "/",
      env: postgresEnv(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe", ...inherited],
      ...(binaries.uid === undefined ? {} : { uid: binaries.uid, gid: binaries.uid }),
    },
  );
  inherited.forEach(closeSync);
  rmSync(passwordFile, { force: true });
  if (result.status !== 0) {
    throw new LocalStackError("initdb failed", result.error?.message ?? `${result.stdout}${result.stderr}`);
  }
}

/** What PostgreSQL sees of our environment: no locale, no PG* variables of the person at the terminal. */
export function postgresEnv(): Record<string, string> {
  return { LC_ALL: "C", TZ: "UTC", PATH: "/usr/local/bin:/usr/bin:/bin" };
}

/**
 * Clears the way after a crash. A postmaster of this very folder that still runs is shut down; a `postmaster.pid` whose
 * number now belongs to something else is removed (PostgreSQL would refuse to start); one whose process is gone stays,
 * because PostgreSQL uses it to wait for orphaned backends.
 */
export async function clearStalePostmaster(dataDir: string): Promise<void> {
  const file = join(dataDir, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, "utf8").split("\n", 1)[0] ?? "", 10);
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return;
  if (!isPostmasterOf(pid, dataDir)) {
    rmSync(file, { force: true });
    return;
  }
  process.kill(pid, "SIGINT");
  if (await waitUntil(async () => !isAlive(pid), { timeoutMs: 10_000 })) return;
  throw new LocalStackError(`a PostgreSQL (pid ${pid}) still runs on ${dirname(dataDir)} and does not stop`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isPostmasterOf(pid: number, dataDir: string): boolean {
  const cwd = `/proc/${pid}/cwd`;
  if (existsSync("/proc/self/cwd")) {
    try {
      return readlinkSync(cwd) === realpathSync(dataDir);
    } catch {
      return false;
    }
  }
  const listed = spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  return listed.stdout.includes("postgres") && listed.stdout.includes(dataDir);
}
