/** Who is signed in where: one file for its owner alone (0600). A token is sent to the address that it was made at and to no other. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { CommandError } from "./command.ts";

const SignIn = z.object({
  token: z.string(),
  /** The personal access token's id, so that signing out ends it. */
  tokenId: z.string(),
  email: z.string(),
  organization: z.string(),
});
export type SignIn = z.infer<typeof SignIn>;

const File = z.object({
  /** The address that commands go to unless they name another. */
  current: z.string().optional(),
  /** By the control plane's address. */
  servers: z.record(z.string(), SignIn).default({}),
});
export type SignIns = z.infer<typeof File>;

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
  try {
    return File.parse(JSON.parse(text));
  } catch {
    throw new CommandError(`${path} is damaged; remove it and sign in again`);
  }
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
