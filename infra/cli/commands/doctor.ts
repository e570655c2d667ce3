import type { Command } from "commander";
import { createApi } from "../api.ts";
import { CommandError, type Terminal } from "../command.ts";
import { type Globals, tokenFor, urlOf } from "../connect.ts";
import { checkControlPlane } from "../doctor/control-plane.ts";
import { type Finding, warning } from "../doctor/finding.ts";
import { checkFleet } from "../doctor/fleet.ts";
import { checkGatewayHome, isGateway } from "../doctor/gateway-home.ts";
import { checkOperator, isOperator } from "../doctor/operator.ts";

interface Options extends Globals {
  readonly providers?: boolean;
}

const help = `
Looks at the control plane from here: address, TLS, database, bus, clocks. Signed in, also at every gateway, its
clock and its public address, and with --providers at every LLM key, from every gateway. Where DATABASE_URL and the
other settings of a control plane are in the environment, also at these, the database, the key-encryption key and the
bus; where CLAVIGER_GATEWAY_HOME is, at a gateway's folder. Changes nothing. Exit code 1: there is an error.`;

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .description("look for what is set up wrongly, and say what to do")
    .option("--providers", "also ask every provider, from every gateway, whether it lets us in")
    .addHelpText("after", help)
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const findings = await diagnose(options, terminal);
      print(findings, options, terminal);
      const errors = findings.filter(({ level }) => level === "error").length;
      if (errors > 0)
        throw new CommandError(`${errors} ${errors === 1 ? "thing does" : "things do"} not work`);
    });
}

/** All findings, in the order in which one mends them. */
export async function diagnose(
  options: Options,
  { env, now }: Pick<Terminal, "env" | "now">,
): Promise<Finding[]> {
  const url = urlOf(options, env);
  const findings: Finding[] = [];
  if (isOperator(env)) findings.push(...(await checkOperator(env, now)));
  if (isGateway(env)) findings.push(...(await checkGatewayHome(env)));
  const { findings: seen, there } = await checkControlPlane(url, now);
  findings.push(...seen);
  if (!there) return findings;
  const token = tokenFor(url, env);
  if (token === undefined) {
    return [
      ...findings,
      warning(
        "sign-in",
        "nobody is signed in, so gateways were not looked at",
        '"claviger login", or set CLAVIGER_TOKEN',
      ),
    ];
  }
  const api = createApi(url, { authorization: `Bearer ${token}` });
  return [...findings, ...(await checkFleet(api, now(), { providers: options.providers === true }))];
}

const marks = { ok: "ok     ", warning: "warning", error: "ERROR  " } as const;

function print(findings: readonly Finding[], { json }: Options, { out }: Terminal): void {
  if (json) return out(JSON.stringify({ data: findings }, undefined, 2));
  for (const { about, level, said, mend } of findings) {
    out(`${marks[level]}  ${about}: ${said}`);
    if (mend !== undefined) out(`         → ${mend}`);
  }
}
