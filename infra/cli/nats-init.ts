import { ConfigError } from "@claviger/control-plane/runtime/node/config";
import { natsInit } from "@claviger/control-plane/runtime/node/nats-init";
import { type Command, CommandError } from "./command.ts";

export const natsInitCommand: Command = {
  name: "nats init",
  summary: "write the configuration of nats-server, so that it trusts this control plane",
  help: [
    "  --out DIR       folder for nats.conf and for the server's accounts (required)",
    "  --port N        for clients (8711)",
    "  --ws-port N     for WebSocket clients (8712)",
    "  --host ADDRESS  to listen on (127.0.0.1)",
    "",
    "Reads DATABASE_URL and CLAVIGER_KEK. Migrates the database, makes the cluster's keys when there are none, and",
    "prints the path of nats.conf. Safe to repeat: keys are made once, the file is written again.",
  ],
  async run(args, { env, out }) {
    try {
      out(await natsInit(args, env));
    } catch (error) {
      if (error instanceof ConfigError) throw new CommandError(error.message, 2);
      throw error;
    }
  },
};
