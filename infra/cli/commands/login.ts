/** Signing in and out: a personal access token is made, kept for its owner alone, and ended when one signs out. */
import { hostname } from "node:os";
import type { Command } from "commander";
import { createApi, type Resource } from "../api.ts";
import { CommandError, exitCodes, type Terminal } from "../command.ts";
import { connect, type Globals, tokenFor, urlOf } from "../connect.ts";
import { readSignIns, type SignIn, writeSignIns } from "../sign-in-file.ts";
import { pairsOf } from "../table.ts";

interface LoginOptions extends Globals {
  readonly email?: string;
  readonly organization?: string;
  readonly withToken?: boolean;
}

export function addLogin(program: Command, terminal: Terminal): void {
  program
    .command("login")
    .description("sign in: asks for e-mail and password, and keeps a personal access token (0600)")
    .option("--email <address>", "who; asked for without this")
    .option("--organization <id>", "for who is in several organizations with the same password")
    .option("--with-token", "read a personal access token (clvp_…) from standard input instead")
    .addHelpText(
      "after",
      "\nThe password and the token are typed at a prompt or read from standard input, never given as arguments.",
    )
    .action((_options, command: Command) => login(command.optsWithGlobals(), terminal));
  program
    .command("logout")
    .description("end the token that login made, and forget it")
    .action((_options, command: Command) => logout(command.optsWithGlobals(), terminal));
  program
    .command("whoami")
    .description("who is signed in where")
    .action((_options, command: Command) => whoami(command.optsWithGlobals(), terminal));
}

async function login(options: LoginOptions, terminal: Terminal): Promise<void> {
  const url = urlOf(options, terminal.env);
  const signIn = options.withToken ? await byToken(url, terminal) : await byPassword(url, options, terminal);
  const kept = readSignIns(terminal.env);
  const path = writeSignIns(terminal.env, { current: url, servers: { ...kept.servers, [url]: signIn } });
  terminal.out(`signed in at ${url} as ${signIn.email} (${signIn.organization}); kept in ${path}`);
}

async function byToken(url: string, { askSecret }: Terminal): Promise<SignIn> {
  const token = (await askSecret("Personal access token")).trim();
  if (!token.startsWith("clvp_"))
    throw new CommandError("that is no personal access token (clvp_…)", exitCodes.usage);
  const api = createApi(url, { authorization: `Bearer ${token}` });
  const organization = (await api.call("GET", "/organization")).document.data as Resource;
  return { token, tokenId: "", email: "a token's owner", organization: String(organization.attributes.name) };
}

async function byPassword(url: string, options: LoginOptions, { ask, askSecret }: Terminal): Promise<SignIn> {
  const email = options.email ?? (await ask("E-mail"));
  const password = await askSecret("Password");
  const attributes = {
    email,
    password,
    ...(options.organization === undefined ? {} : { organizationId: options.organization }),
  };
  const answer = await createApi(url, {}).call("POST", "/sessions", {
    body: { data: { type: "session", attributes } },
  });
  const session = answer.document.data as Resource;
  const cookie = answer.headers.getSetCookie().map((text) => text.split(";", 1)[0]);
  const api = createApi(url, { cookie: cookie.join("; "), origin: url });
  const made = await api.call("POST", "/personal-access-tokens", {
    body: {
      data: {
        type: "personal-access-token",
        attributes: { name: `claviger on ${hostname()}`.slice(0, 128) },
      },
    },
  });
  await api.call("DELETE", "/sessions/current");
  return {
    token: made.document.meta?.secretKey ?? "",
    tokenId: (made.document.data as Resource).id,
    email,
    organization: String(session.attributes.organizationName),
  };
}

async function logout(options: Globals, terminal: Terminal): Promise<void> {
  const url = urlOf(options, terminal.env);
  const kept = readSignIns(terminal.env);
  const signIn = kept.servers[url];
  if (signIn === undefined) throw new CommandError(`nobody is signed in at ${url}`, exitCodes.notAllowed);
  const { [url]: _gone, ...servers } = kept.servers;
  writeSignIns(terminal.env, { servers });
  if (signIn.tokenId !== "") {
    const api = createApi(url, { authorization: `Bearer ${signIn.token}` });
    await api.call("DELETE", `/personal-access-tokens/${signIn.tokenId}`);
  }
  terminal.out(`signed out at ${url}`);
}

async function whoami(options: Globals, terminal: Terminal): Promise<void> {
  const url = urlOf(options, terminal.env);
  const { document } = await connect(options, terminal).call("GET", "/organization");
  const organization = document.data as Resource;
  const kept = readSignIns(terminal.env).servers[url];
  const byEnvironment = kept === undefined || kept.token !== tokenFor(url, terminal.env);
  const who = {
    url,
    organizationId: organization.id,
    organization: String(organization.attributes.name),
    credential: byEnvironment ? "CLAVIGER_TOKEN" : kept.email,
  };
  if (options.json) return terminal.out(JSON.stringify(who, undefined, 2));
  for (const line of pairsOf(Object.entries(who))) terminal.out(line);
}
