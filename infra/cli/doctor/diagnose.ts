/** Everything that the doctor looks at. Loaded when it is asked for: it needs the database's and the bus's libraries. */
import { createApi } from "../api.ts";
import type { Terminal } from "../command.ts";
import { type Globals, tokenFor, urlOf } from "../connect.ts";
import { checkControlPlane } from "./control-plane.ts";
import { type Finding, warning } from "./finding.ts";
import { checkFleet } from "./fleet.ts";
import { checkGatewayHome, isGateway } from "./gateway-home.ts";
import { checkOperator, isOperator } from "./operator.ts";

export interface DoctorOptions extends Globals {
  readonly providers?: boolean;
}

/** All findings, in the order in which one mends them. */
export async function diagnose(
  options: DoctorOptions,
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
