/** PostgreSQL from the embedded binaries, on 127.0.0.1 with a password; the only truth of the local stack. */
import { join } from "node:path";
import postgres from "postgres";
import { readLogTail } from "./log-file.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { clearStalePostmaster, ensureCluster, INHERITED_DATA_DIR, postgresEnv } from "./postgres-cluster.ts";
import { type ProcessSpec, type RunningProcess, startProcess } from "./process.ts";
import { LocalStackError } from "./types.ts";
import { waitUntil } from "./wait.ts";

export interface PostgresOptions {
  /** Holds the cluster (`data/`); made when missing. */
  readonly dir: string;
  readonly port: number;
  /** Of the superuser `postgres`; fixed by the first start on this folder. */
  readonly password: string;
  readonly logFile?: string;
  /** Extra server settings, over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** True: no fsync, no synchronous commit. For tests that throw the data away. Default false. */
  readonly unsafe?: boolean;
}

export interface StartedPostgres {
  /** Superuser URL of the database `postgres`. */
  readonly url: string;
  readonly pid: number;
  /** Fast shutdown (open transactions are rolled back); the data stays. */
  stop(): Promise<void>;
}

const SAFE: Readonly<Record<string, string>> = {
  max_connections: "100",
  synchronous_commit: "on",
  wal_level: "replica",
  unix_socket_directories: "",
  listen_addresses: "127.0.0.1",
  timezone: "UTC",
  log_min_messages: "warning",
  log_checkpoints: "off",
};

const UNSAFE: Readonly<Record<string, string>> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
};

const READY_MS_MAX = 30_000;

/** Where a database of this server is reached. */
export function postgresUrl(options: Pick<PostgresOptions, "port" | "password">, database: string): string {
  return `postgres://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/${database}`;
}

/** Makes the cluster when there is none, clears what a crash left, and says how the server is run. */
export async function preparePostgres(options: PostgresOptions): Promise<ProcessSpec> {
  const binaries = findPostgresBinaries();
  const unsafe = options.unsafe ?? false;
  const dataDir = ensureCluster(binaries, { dir: options.dir, password: options.password, unsafe });
  await clearStalePostmaster(dataDir);
  const settings = { ...SAFE, ...(unsafe ? UNSAFE : {}), ...options.settings };
  const asNobody = binaries.uid !== undefined;
  return {
    command: binaries.postgres,
    args: [
      ...["-D", asNobody ? INHERITED_DATA_DIR : dataDir, "-p", String(options.port)],
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    cwd: "/",
    env: postgresEnv(),
    uid: binaries.uid,
    gid: binaries.gid,
    inheritedDir: dataDir,
    logFile: options.logFile ?? join(options.dir, "postgres.log"),
    // SIGTERM would wait for every client to leave; SIGINT is the fast shutdown.
    stopSignal: "SIGINT",
    stopMsMax: 10_000,
  };
}

/** True once a real connection with the password answers a query. */
export async function postgresAnswers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
  try {
    await sql`select 1`;
    return true;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Starts PostgreSQL and resolves when it answers queries; throws with its last log lines when it does not. */
export async function startPostgres(options: PostgresOptions): Promise<StartedPostgres> {
  const spec = await preparePostgres(options);
  const process = await startProcess(spec);
  const url = postgresUrl(options, "postgres");
  await readyOrThrow(process, spec.logFile, url);
  return {
    url,
    pid: process.pid,
    async stop() {
      await process.stop();
    },
  };
}

async function readyOrThrow(process: RunningProcess, logFile: string, url: string): Promise<void> {
  const ready = await waitUntil(() => postgresAnswers(url), {
    timeoutMs: READY_MS_MAX,
    everyMs: 25,
    abandoned: () => process.exit() !== null,
  });
  if (ready) return;
  await process.stop();
  throw new LocalStackError("PostgreSQL did not become ready", readLogTail(logFile, 20));
}

/** Makes the database when it is missing. */
export async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined });
  try {
    const found = await sql`select 1 from pg_database where datname = ${name}`;
    if (found.length === 0) await sql`create database ${sql(name)}`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}
