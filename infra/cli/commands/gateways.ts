/** Gateways: attaching, watching, draining and detaching them. `reset` works on a folder of this machine. */
import type { Command } from "commander";
import type { Terminal } from "../command.ts";
import { connect, type Globals } from "../connect.ts";
import { findGateway, listGateways } from "../find.ts";
import { type Column, showChange, showList, showOne } from "../show.ts";
import { confirm, waitHeader, wholeOf } from "./options.ts";

const columns: readonly Column[] = [
  ["name", ({ name }) => String(name)],
  ["id", (_, id) => id],
  ["region", ({ region }) => String(region)],
  ["runtime", ({ runtime }) => (runtime === null ? null : String(runtime))],
  ["version", ({ version }) => (version === null ? null : String(version))],
  ["status", ({ status, drainingSince }) => `${status}${drainingSince === null ? "" : ", draining"}`],
  ["revision", ({ revision, revisionWanted }) => `${revision ?? "none"} of ${revisionWanted}`],
  [
    "heartbeat",
    ({ lastHeartbeatAt }) => (lastHeartbeatAt === null ? null : String(lastHeartbeatAt).slice(0, 19)),
  ],
  ["req/s", ({ requestsPerSecond }) => Number(Number(requestsPerSecond).toFixed(1))],
  ["public url", ({ publicUrl }) => (publicUrl === null ? null : String(publicUrl))],
];

const resetHelp = `
Erases the replica's identity, its state and its open records, and sets its log aside. Usage that was not yet
reported is in that log and is not reported any more. The gateway then needs a new enrolment token to start;
detach the old replica in the dashboard, so that nobody waits for it. Refused while the gateway runs.`;

interface Options extends Globals {
  readonly region?: string;
  readonly replicas?: string;
  readonly secretOnly?: boolean;
  readonly yes?: boolean;
  readonly wait?: string;
}

export function addGateways(program: Command, terminal: Terminal): void {
  const gateways = program
    .command("gateways")
    .alias("gateway")
    .description("gateways: attach, list, drain, detach; reset a replica's folder");
  gateways
    .command("list")
    .description("how they do")
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      showList(terminal, options, await listGateways(connect(options, terminal)), columns);
    });
  gateways
    .command("show <gateway>")
    .description("one of them, with its replicas and alarms")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const api = connect(options, terminal);
      showOne(terminal, options, await api.call("GET", `/gateways/${(await findGateway(api, wanted)).id}`));
    });
  gateways
    .command("enrol <name>")
    .description("make the token by which a gateway's replicas enrol within 15 minutes")
    .requiredOption("--region <region>", "where it stands, e.g. eu")
    .option("--replicas <n>", "how many copies may enrol with it (1)")
    .option("--secret-only", "print nothing but the token")
    .action((name: string, _options, command: Command) => enrol(name, command.optsWithGlobals(), terminal));
  addVerbs(gateways, terminal);
  gateways
    .command("reset")
    .description("make a replica's folder that came back from a backup nobody's, so that it enrols anew")
    .option("--home <dir>", "the gateway's home (CLAVIGER_GATEWAY_HOME)")
    .option("--slot <name>", "the replica's folder in it (CLAVIGER_SLOT, or 0)")
    .option("--yes", "do it; without this it only says what it would do")
    .addHelpText("after", resetHelp)
    .action(async (_options, command: Command) => {
      const { resetGateway } = await import("../gateway-reset.ts");
      await resetGateway(command.opts(), terminal);
    });
}

async function enrol(name: string, options: Options, terminal: Terminal): Promise<void> {
  const api = connect(options, terminal);
  const body = {
    name,
    region: options.region,
    ...(options.replicas === undefined ? {} : { replicas: wholeOf("--replicas", options.replicas) }),
  };
  const answer = await api.call("POST", "/gateways/enrolment-tokens", { body });
  showChange(terminal, options, answer, "made enrolment token");
  if (options.json || options.secretOnly) return;
  terminal.out("start the gateway with it within 15 minutes:");
  terminal.out(`  CLAVIGER_CONTROL_PLANE_URL=${api.url}`);
  terminal.out(`  CLAVIGER_ENROLMENT_TOKEN=${answer.document.meta?.secretKey ?? ""}`);
}

function addVerbs(gateways: Command, terminal: Terminal): void {
  const verb = (name: string, about: string, method: "POST" | "DELETE", path: string, done: string) =>
    gateways
      .command(`${name} <gateway>`)
      .description(about)
      .option("--wait <seconds>", "how long to wait for it (default 10)")
      .action(async (wanted: string, _options, command: Command) => {
        const options = command.optsWithGlobals<Options>();
        const api = connect(options, terminal);
        const { id } = await findGateway(api, wanted);
        const headers = waitHeader(options.wait);
        showChange(terminal, options, await api.call(method, `/gateways/${id}${path}`, { headers }), done);
      });
  verb("drain", "let it finish what it does and take no new requests", "POST", "/drain", "drains:");
  verb("resume", "let it take requests again", "DELETE", "/drain", "serves again:");
  gateways
    .command("detach <gateway>")
    .description("remove it for good; says what it held")
    .option("--yes", "do not ask")
    .action(async (wanted: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const api = connect(options, terminal);
      const { id } = await findGateway(api, wanted);
      await confirm(terminal, options.yes, `Detach gateway ${wanted} for good?`);
      const answer = await api.call("DELETE", `/gateways/${id}`);
      const held = answer.document.meta?.held;
      if (!options.json && held !== undefined) terminal.out(`it held ${JSON.stringify(held)}`);
      showChange(terminal, options, answer, `detached gateway ${wanted}`);
    });
}
