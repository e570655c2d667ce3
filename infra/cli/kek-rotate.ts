import { ConfigError } from "@claviger/control-plane/runtime/node/config";
import { rotateKek } from "@claviger/control-plane/runtime/node/kek-rotate";
import { type Command, CommandError } from "./command.ts";

export const kekRotateCommand: Command = {
  name: "kek rotate",
  summary: "wrap everything in the database under another key-encryption key",
  help: [
    "Reads DATABASE_URL, CLAVIGER_KEK (the present key) and CLAVIGER_KEK_NEXT (the one to come; 32 bytes as base64).",
    "Stop every control plane first: refused while anybody else is connected to the database. Gateways go on serving.",
    "All of it is done or none. Then start the control planes with CLAVIGER_KEK set to the new key. Backups of the",
    "database from before are still under the former key: keep it as long as you keep them.",
  ],
  async run(args, { env, out }) {
    if (args.length > 0) throw new CommandError(`"${args.join(" ")}": it takes no arguments`, 2);
    try {
      const { clusterKeys, accounts, dataKeys, channels } = await rotateKek(env);
      out(
        `wrapped again: ${clusterKeys} keys of the cluster, ${accounts} accounts, ${dataKeys} data keys, ${channels} notification channels`,
      );
      out("start every control plane with CLAVIGER_KEK set to what CLAVIGER_KEK_NEXT was");
    } catch (error) {
      if (error instanceof ConfigError) throw new CommandError(error.message, 2);
      throw error;
    }
  },
};
