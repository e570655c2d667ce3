/** With a gateway's environment at hand: its settings, its folder, and whether its master key opens it. */
import { constants } from "node:fs";
import { access, readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@claviger/gateway/config-error";
import { readConfig } from "@claviger/gateway/runtime/node/config";
import { replicaIn } from "@claviger/gateway/runtime/node/verify-log";
import { error, type Finding, fine, warning, whyOf } from "./finding.ts";

const ABOUT = "gateway's home";
/** Less than this stops a gateway within days, in bytes. */
const FREE_BYTES_MIN = 1_000_000_000;

/** Whatever tells that a gateway is set up here. */
export const isGateway = (env: NodeJS.ProcessEnv): boolean => env.CLAVIGER_GATEWAY_HOME !== undefined;

export async function checkGatewayHome(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  try {
    const { home, masterKey, enrolmentToken } = readConfig(env);
    return await checkHome(home, masterKey, enrolmentToken !== undefined);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const [name = ""] = thrown.message.split(" ");
    return [
      error(
        "settings",
        `the gateway would not start: ${thrown.message}`,
        `set ${name} in its environment (docs/operations, Settings)`,
      ),
    ];
  }
}

async function checkHome(home: string, masterKey: Uint8Array, hasToken: boolean): Promise<Finding[]> {
  let names: string[];
  try {
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    names = await readdir(home);
  } catch (thrown) {
    return [
      error(
        ABOUT,
        `${home} cannot be used (${whyOf(thrown)})`,
        "make the folder of CLAVIGER_GATEWAY_HOME and give it to the gateway's user, mode 0700",
      ),
    ];
  }
  const findings: Finding[] = [];
  const { mode } = await stat(home);
  if ((mode & 0o077) !== 0)
    findings.push(
      warning(ABOUT, `${home} is open to others (mode ${(mode & 0o777).toString(8)})`, `chmod 700 ${home}`),
    );
  const { bavail, bsize } = await statfs(home);
  if (bavail * bsize < FREE_BYTES_MIN)
    findings.push(
      warning(
        ABOUT,
        `${home} has ${Math.floor((bavail * bsize) / 1e6)} MB left`,
        "make room: a full disk stops requests",
      ),
    );
  const slots = await slotsOf(home, names);
  if (slots.length === 0 && !hasToken) {
    findings.push(
      error(
        ABOUT,
        `nobody has enrolled in ${home}, and there is no token`,
        'set CLAVIGER_ENROLMENT_TOKEN to what "claviger gateways enrol" prints',
      ),
    );
  }
  for (const slot of slots) findings.push(await openSlot(home, slot, masterKey));
  return findings;
}

async function slotsOf(home: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) =>
      access(join(home, name, "identity.sealed")).then(
        () => [name],
        () => [],
      ),
    ),
  );
  return found.flat().sort();
}

async function openSlot(home: string, slot: string, masterKey: Uint8Array): Promise<Finding> {
  try {
    const replica = await replicaIn(home, slot, masterKey);
    return fine(ABOUT, `slot ${slot} is ${replica ?? "not enrolled yet"}`);
  } catch (thrown) {
    const mend =
      "set CLAVIGER_GATEWAY_MASTER_KEY to the key that this folder was made with; lost: claviger gateway reset, and enrol anew";
    return error(ABOUT, `slot ${slot} cannot be opened: ${whyOf(thrown)}`, mend);
  }
}
