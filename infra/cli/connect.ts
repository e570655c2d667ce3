/** From options, environment and what is kept of signing in, to an API that can be called. */
import { type Api, createApi } from "./api.ts";
import { CommandError, exitCodes, type Terminal } from "./command.ts";
import { readSignIns } from "./sign-in-file.ts";

/** Options that every command takes. */
export interface Globals {
  readonly url?: string;
  readonly json?: boolean;
}

const DEFAULT_URL = "http://127.0.0.1:8700";

/** The control plane's address: `--url`, `CLAVIGER_CONTROL_PLANE_URL`, where one signed in last, or this machine. */
export function urlOf({ url }: Globals, env: NodeJS.ProcessEnv): string {
  const given = url ?? (env.CLAVIGER_CONTROL_PLANE_URL || readSignIns(env).current) ?? DEFAULT_URL;
  return originOf(given, "--url or CLAVIGER_CONTROL_PLANE_URL");
}

/** An http(s) origin without a path; throws what `name` has to be. */
export function originOf(text: string, name: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new CommandError(`${name} must be an http:// or https:// address`, exitCodes.usage);
  }
  return parsed.origin;
}

/** The token for that address; undefined when nobody is signed in there. */
export function tokenFor(url: string, env: NodeJS.ProcessEnv): string | undefined {
  return env.CLAVIGER_TOKEN || readSignIns(env).servers[url]?.token;
}

/** The API of a member who is signed in. */
export function connect(globals: Globals, { env }: Pick<Terminal, "env">): Api {
  const url = urlOf(globals, env);
  const token = tokenFor(url, env);
  if (token === undefined) {
    throw new CommandError(
      `nobody is signed in at ${url}: run "claviger login", or set CLAVIGER_TOKEN`,
      exitCodes.notAllowed,
    );
  }
  return createApi(url, { authorization: `Bearer ${token}` });
}
