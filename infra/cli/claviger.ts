/** The commands of `claviger`, put together. */
import { Command, CommanderError } from "commander";
import { CommandError, exitCodes, exitCodeWords, type Terminal } from "./command.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addGateways } from "./commands/gateways.ts";
import { addKeys } from "./commands/keys.ts";
import { addLlmKeys } from "./commands/llm-keys.ts";
import { addLogin } from "./commands/login.ts";
import { addLogs } from "./commands/logs.ts";
import { addOperator } from "./commands/operator.ts";
import { addProjects } from "./commands/projects.ts";
import { addUsage } from "./commands/usage.ts";
import { addUse } from "./commands/use.ts";

const epilogue = `
Environment:
  CLAVIGER_CONTROL_PLANE_URL  the control plane, instead of --url and of where you signed in
  CLAVIGER_TOKEN              a personal access token, instead of signing in (CI)
  CLAVIGER_GATEWAY_URL        the gateway of chat and models
  CLAVIGER_API_KEY            the API key of chat and models
  CLAVIGER_CONFIG_DIR         where signing in is kept (~/.config/claviger)

Exit codes:
${Object.entries(exitCodes)
  .map(([name, code]) => `  ${code}  ${exitCodeWords[name as keyof typeof exitCodes]}`)
  .join("\n")}`;

/** Every command, its output going to the terminal; nothing ends the process. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("claviger")
    .description("Claviger's command line: API keys, gateways, logs, and what an operator needs")
    .option("--url <url>", "the control plane's address")
    .option("--json", "the API's own JSON instead of tables")
    .helpOption("-h, --help", "what a command does and takes")
    .addHelpText("after", epilogue);
  addLogin(program, terminal);
  addProjects(program, terminal);
  addKeys(program, terminal);
  addLlmKeys(program, terminal);
  addGateways(program, terminal);
  addUsage(program, terminal);
  addLogs(program, terminal);
  addUse(program, terminal);
  addDoctor(program, terminal);
  addOperator(program, terminal);
  addCompletion(program, terminal);
  prepare(program, terminal);
  return program;
}

/** Commander's own words go where ours go, and its ends are thrown. */
function prepare(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.write(text),
    // Said once, by whoever catches the error.
    writeErr: () => undefined,
  });
  for (const child of command.commands) prepare(child, terminal);
}

/** Runs what `args` ask for; throws `CommandError` with the one line to print. */
export async function claviger(args: readonly string[], terminal: Terminal): Promise<void> {
  const program = createProgram(terminal);
  try {
    await program.parseAsync(args.length === 0 ? ["--help"] : [...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    throw new CommandError(wordsOf(error, program, args), exitCodes.usage);
  }
}

function wordsOf(error: CommanderError, program: Command, args: readonly string[]): string {
  if (error.code !== "commander.help") return error.message.replace(/^error: /, "").split("\n")[0] ?? "";
  // A noun without a verb, or with one that it has not.
  const noun = program.commands.find((child) => [child.name(), ...child.aliases()].includes(args[0] ?? ""));
  const verbs = noun?.commands.map((child) => child.name()).join(", ");
  return `claviger ${args[0]} takes one of: ${verbs}`;
}
