/** Who is signed in where: one file for its owner alone (0600). A token is sent to the address that it was made at and to no other. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { CommandError } from "./command.ts";

export interface SignIn {
  readonly token: string;
  /** The personal access token's id, so that signing out ends it; empty when it was made elsewhere. */
  readonly tokenId: string;
  readonly email: string;
  readonly organization: string;
}

export interface SignIns {
  /** The address that commands go to unless they name another. */
  readonly current?: string;
  /** By the control plane's address. */
  readonly servers: Readonly<Record<string, SignIn>>;
}

/** A file that this program wrote; whoever changed it by hand hears of it. */
function isSignIns(value: unknown): value is SignIns {
  if (typeof value !== "object" || value === null || !("servers" in value)) return false;
  const { servers } = value;
  if (typeof servers !== "object" || servers === null) return false;
  return Object.values(servers).every((each) => typeof (each as Partial<SignIn> | null)?.token === "string");
}

/** Where it is kept. */
export function signInPath(env: NodeJS.ProcessEnv): string {
  const folder =
    env.CLAVIGER_CONFIG_DIR ??
    join(env.XDG_CONFIG_HOME ?? join(env.HOME ?? homedir(), ".config"), "claviger");
  return join(folder, "sign-in.json");
}

/** What is kept; nothing when there is no file. */
export function readSignIns(env: NodeJS.ProcessEnv): SignIns {
  const path = signInPath(env);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { servers: {} };
    throw error;
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (isSignIns(read)) return read;
  throw new CommandError(`${path} is damaged; remove it and sign in again`);
}

/** Replaces the file in one step. */
export function writeSignIns(env: NodeJS.ProcessEnv, signIns: SignIns): string {
  const path = signInPath(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(signIns, undefined, 2)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
  return path;
}
