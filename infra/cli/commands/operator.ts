/** What works on this machine's files, database and bus, and not through the API. What each needs is loaded when it runs. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Server } from "../../deploy/nats-cluster.ts";
import { CommandError, exitCodes, type Terminal } from "../command.ts";
import { addAuditList } from "./logs.ts";

const verifyHelp = `
Says ok, or the first broken link, for each replica. Exit code 0: every chain holds; 1: one does not; 2: it was not
asked for rightly. Without --head it cannot see that the newest links were cut off. The gateway may run meanwhile.`;

const initHelp = `
Reads DATABASE_URL and CLAVIGER_KEK. Migrates the database, makes the cluster's keys when there are none, and
prints the path of nats.conf. Safe to repeat: keys are made once, the file is written again.`;

const kekHelp = `
Reads DATABASE_URL, CLAVIGER_KEK (the present key) and CLAVIGER_KEK_NEXT (the one to come; 32 bytes as base64).
Stop every control plane first: refused while anybody else is connected to the database. Gateways go on serving.
All of it is done or none. Then start the control planes with CLAVIGER_KEK set to the new key. Backups of the
database from before are still under the former key: keep it as long as you keep them.`;

export function addOperator(program: Command, terminal: Terminal): void {
  const audit = program.command("audit").description("the gateways' audit chains");
  addAuditList(audit, terminal);
  audit
    .command("verify")
    .description("walk the audit chain in a gateway's home and name the first link that does not hold")
    .option("--home <dir>", "the gateway's home (CLAVIGER_GATEWAY_HOME)")
    .option("--slot <name>", "one replica's folder in it; without this, all of them")
    .option(
      "--replica <id>",
      "whose chain it is (rep_…), where CLAVIGER_GATEWAY_MASTER_KEY is not at hand to read it",
    )
    .option("--head <N:HASH>", "a link seen before, e.g. what a heartbeat told: the chain must still have it")
    .addHelpText("after", verifyHelp)
    .action(async (_options, command: Command) => {
      const { verifyAudit } = await import("../audit-verify.ts");
      await verifyAudit(command.opts(), terminal);
    });
  const nats = program.command("nats").description("the bus");
  addCluster(nats, terminal);
  nats
    .command("init")
    .description("write the configuration of nats-server, so that it trusts this control plane")
    .option("--out <dir>", "folder for nats.conf and for the server's accounts (required)")
    .option("--port <n>", "for clients (8711)")
    .option("--ws-port <n>", "for WebSocket clients (8712)")
    .option("--host <address>", "to listen on (127.0.0.1)")
    .addHelpText("after", initHelp)
    .action((_options, command: Command) => told(async () => initBus(command.opts(), terminal)));
  program
    .command("kek")
    .description("the key-encryption key")
    .command("rotate")
    .description("wrap everything in the database under another key-encryption key")
    .addHelpText("after", kekHelp)
    .action(() => told(() => rotate(terminal)));
}

const clusterHelp = `
Each --server is REGION/NAME=HOST. Servers of a region are a cluster, regions are joined with each other; one region of
three is what most need. Writes a folder for each with nats.conf, its certificate and its key, and authority/ with the
certificate that control planes and gateways are given as NODE_EXTRA_CA_CERTS. Clients reach port 4222 (tls://) and 8443
(wss://), servers of a region each other at 6222, and of other regions at 7222. Safe to repeat: keys and authority are
made once, certificates anew for a year.`;

interface ClusterOptions {
  readonly out?: string;
  readonly installedAt?: string;
  readonly server?: readonly string[];
}

function addCluster(nats: Command, { env, out, now }: Terminal): void {
  nats
    .command("cluster")
    .description("write the configurations of several nats-servers, with TLS and wss")
    .option("--out <dir>", "folder to write to (required)")
    .option("--installed-at <dir>", "where that folder will lie on the servers, e.g. /etc/nats")
    .option("--server <region/name=host...>", "one server; repeat it")
    .addHelpText("after", clusterHelp)
    .action((options: ClusterOptions) =>
      told(async () => {
        if (options.out === undefined)
          throw new CommandError("--out is missing: the folder to write to", exitCodes.usage);
        const { readKeysConfig } = await import("@claviger/control-plane/runtime/node/config");
        const { defaultPorts, writeCluster } = await import("../../deploy/nats-cluster.ts");
        const { databaseUrl, kek } = readKeysConfig(env);
        const { installedAt } = options;
        const servers = (options.server ?? []).map((text) => ({ ...serverOf(text), ...defaultPorts }));
        if (servers.length === 0)
          throw new CommandError("--server is missing: REGION/NAME=HOST", exitCodes.usage);
        const place = { out: resolve(options.out), ...(installedAt === undefined ? {} : { installedAt }) };
        for (const file of await writeCluster({ databaseUrl, kek, ...place, servers, now: now() })) out(file);
      }),
    );
}

function serverOf(text: string): Pick<Server, "region" | "name" | "host"> {
  const [, region, name, host] =
    /^([a-z0-9-]{1,32})\/([a-z0-9-]{1,64})=([A-Za-z0-9.:-]{1,253})$/.exec(text) ?? [];
  if (region === undefined || name === undefined || host === undefined) {
    throw new CommandError(
      `--server ${text}: must be REGION/NAME=HOST, e.g. eu/nats-0=nats-0.example.com`,
      exitCodes.usage,
    );
  }
  return { region, name, host };
}

/** A setting that will not do is a wrong question. */
async function told(run: () => Promise<void>): Promise<void> {
  const { ConfigError } = await import("@claviger/control-plane/runtime/node/config");
  try {
    await run();
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message, exitCodes.usage);
    throw error;
  }
}

async function initBus(options: Readonly<Record<string, string>>, { env, out }: Terminal): Promise<void> {
  const names: Record<string, string> = { out: "--out", port: "--port", wsPort: "--ws-port", host: "--host" };
  const args = Object.entries(names).flatMap(([name, flag]) => {
    const value = options[name];
    return value === undefined ? [] : [flag, value];
  });
  const { natsInit } = await import("@claviger/control-plane/runtime/node/nats-init");
  out(await natsInit(args, env));
}

async function rotate({ env, out }: Terminal): Promise<void> {
  const { rotateKek } = await import("@claviger/control-plane/runtime/node/kek-rotate");
  const { clusterKeys, accounts, dataKeys, channels, singleSignOns } = await rotateKek(env);
  const ofCluster = `${clusterKeys} keys of the cluster, ${accounts} accounts, ${dataKeys} data keys`;
  out(
    `wrapped again: ${ofCluster}, ${channels} notification channels, ${singleSignOns} secrets of single sign-on`,
  );
  out("start every control plane with CLAVIGER_KEK set to what CLAVIGER_KEK_NEXT was");
}
