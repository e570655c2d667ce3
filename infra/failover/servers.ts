/** PostgreSQL servers that are copied, promoted and set back, for tests. Durable as in production: nothing is unsafe here. */
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findFreePort } from "../local/ports.ts";
import { postgresUrl, type StartedPostgres, startPostgres } from "../local/postgres.ts";
import { NOBODY } from "../local/postgres-binaries.ts";

const PASSWORD = "failover";

export interface Server {
  readonly port: number;
  readonly dataDir: string;
  start(settings?: Record<string, string>): Promise<StartedPostgres>;
  /** The server, its database `postgres`, as superuser, past any relay. */
  query<T>(run: (sql: postgres.Sql) => Promise<T>): Promise<T>;
  /** Ends the postmaster as a power cut would; its children notice. */
  kill(): void;
  stop(): Promise<void>;
}

export interface Place {
  /** A server that does not run yet; with `from` on a copy of that data folder. */
  server(name: string, from?: string): Promise<Server>;
  remove(): void;
}

/** A temporary folder for servers. */
export function makePlace(): Place {
  const root = mkdtempSync(join(tmpdir(), "claviger-failover-"));
  return {
    async server(name, from) {
      const dir = join(root, name);
      if (from !== undefined) copyFolder(from, join(dir, "data"));
      return serverIn(dir, await findFreePort());
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Its URL as a control plane is given it, by whatever port. */
export function urlBy(port: number): string {
  return postgresUrl({ port, password: PASSWORD }, "postgres");
}

/** How a standby is told where its primary is. */
export function primaryBy(port: number): string {
  return `host=127.0.0.1 port=${port} user=postgres password=${PASSWORD} application_name=standby`;
}

/** Copies a data folder with its owners; what was there before is gone. */
export function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const copied = spawnSync("cp", ["-a", `${from}/.`, to], { encoding: "utf8" });
  // Files come and go under a running server; a backup is allowed to miss those.
  if (copied.status !== 0 && !copied.stderr.includes("No such file")) throw new Error(copied.stderr);
}

/** Puts a file into a data folder as PostgreSQL's own. */
export function putFile(dataDir: string, name: string, content: string): void {
  const path = join(dataDir, name);
  writeFileSync(path, content, { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
}

function serverIn(dir: string, port: number): Server {
  let running: StartedPostgres | undefined;
  return {
    port,
    dataDir: join(dir, "data"),
    async start(settings = {}) {
      running = await startPostgres({ dir, port, password: PASSWORD, settings });
      return running;
    },
    async query(run) {
      const sql = postgres(urlBy(port), { max: 1, onnotice: () => undefined });
      try {
        return await run(sql);
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    kill() {
      if (running !== undefined) process.kill(running.pid, "SIGKILL");
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
  };
}
