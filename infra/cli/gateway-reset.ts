import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { planReset, resetSlot } from "@claviger/gateway/runtime/node/reset";
import { type Command, CommandError } from "./command.ts";

export const gatewayResetCommand: Command = {
  name: "gateway reset",
  summary: "make a replica's folder that came back from a backup nobody's, so that it enrols anew",
  help: [
    "  --home DIR   the gateway's home (CLAVIGER_GATEWAY_HOME)",
    "  --slot NAME  the replica's folder in it (CLAVIGER_SLOT, or 0)",
    "  --yes        do it; without this it only says what it would do",
    "",
    "Erases the replica's identity, its state and its open records, and sets its log aside. Usage that was not yet",
    "reported is in that log and is not reported any more. The gateway then needs a new enrolment token to start;",
    "detach the old replica in the dashboard, so that nobody waits for it. Refused while the gateway runs.",
  ],
  async run(args, { env, now, out }) {
    const { home = env.CLAVIGER_GATEWAY_HOME, slot = env.CLAVIGER_SLOT || "0", yes } = parse(args);
    if (!home) throw new CommandError("--home is missing: the folder in CLAVIGER_GATEWAY_HOME", 2);
    if (!/^[a-z0-9-]{1,64}$/.test(slot)) throw new CommandError("--slot must be a slot's name, e.g. 0", 2);
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
      throw new CommandError("nothing was changed; add --yes to do it", 2);
    }
    const aside = await resetSlot(folder, now());
    if (aside !== undefined) out(`set aside in ${aside}: ${plan.setAside.join(", ")}`);
    out("start the gateway with a new CLAVIGER_ENROLMENT_TOKEN, and detach the old replica");
  },
};

function parse(args: readonly string[]): { home?: string; slot?: string; yes: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        home: { type: "string" },
        slot: { type: "string" },
        yes: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new CommandError(String((error as Error).message).split(". ")[0] ?? "", 2);
  }
}
