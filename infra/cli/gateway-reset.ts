import { join, resolve } from "node:path";
import { planReset, resetSlot } from "@claviger/gateway/runtime/node/reset";
import { CommandError, exitCodes, type Terminal } from "./command.ts";

export interface ResetOptions {
  readonly home?: string;
  readonly slot?: string;
  readonly yes?: boolean;
}

/** Says what would be done to a replica's folder, and does it with `yes`. */
export async function resetGateway(
  options: ResetOptions,
  { env, now, out }: Pick<Terminal, "env" | "now" | "out">,
): Promise<void> {
  const { home = env.CLAVIGER_GATEWAY_HOME, slot = env.CLAVIGER_SLOT || "0", yes = false } = options;
  if (!home)
    throw new CommandError("--home is missing: the folder in CLAVIGER_GATEWAY_HOME", exitCodes.usage);
  if (!/^[a-z0-9-]{1,64}$/.test(slot)) {
    throw new CommandError("--slot must be a slot's name, e.g. 0", exitCodes.usage);
  }
  const folder = join(resolve(home), slot);
  const plan = await planReset(folder);
  if (plan === undefined) throw new CommandError(`${folder} does not exist: there is nothing to reset`);
  if (plan.erased.length + plan.setAside.length === 0) {
    throw new CommandError(`${folder} holds no replica: there is nothing to reset`);
  }
  const will = yes ? "" : "would be ";
  if (plan.erased.length > 0) out(`${will}erased in ${folder}: ${plan.erased.join(", ")}`);
  if (!yes) {
    if (plan.setAside.length > 0) out(`would be set aside: ${plan.setAside.join(", ")}`);
    throw new CommandError("nothing was changed; add --yes to do it", exitCodes.usage);
  }
  const aside = await resetSlot(folder, now());
  if (aside !== undefined) out(`set aside in ${aside}: ${plan.setAside.join(", ")}`);
  out("start the gateway with a new CLAVIGER_ENROLMENT_TOKEN, and detach the old replica");
}
