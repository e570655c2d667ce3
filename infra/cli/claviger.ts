/** The commands of `claviger`, and how one is chosen. */
import { auditVerifyCommand } from "./audit-verify.ts";
import { type Command, CommandError, type Terminal } from "./command.ts";
import { gatewayResetCommand } from "./gateway-reset.ts";
import { kekRotateCommand } from "./kek-rotate.ts";
import { natsInitCommand } from "./nats-init.ts";

const COMMANDS: readonly Command[] = [
  natsInitCommand,
  gatewayResetCommand,
  auditVerifyCommand,
  kekRotateCommand,
];

/** Runs what `args` ask for; throws `CommandError` with the one line to print. */
export async function claviger(args: readonly string[], terminal: Terminal): Promise<void> {
  const words = args.filter((word) => !isHelp(word));
  const helps = words.length < args.length;
  const command = COMMANDS.find(({ name }) => name === words.slice(0, 2).join(" "));
  if (command !== undefined) {
    if (!helps) return command.run(words.slice(2), terminal);
    for (const line of [`Usage: claviger ${command.name} [options]`, "", ...command.help]) terminal.out(line);
    return;
  }
  const [first] = words;
  if (!helps && first !== undefined && first !== "help") {
    throw new CommandError(`"${words.join(" ")}" is no command; see claviger --help`, 2);
  }
  for (const line of overview()) terminal.out(line);
}

const isHelp = (word: string) => word === "--help" || word === "-h";

function overview(): string[] {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return ["Usage: claviger COMMAND [options]", "", ...lines, "", "claviger COMMAND --help says more."];
}
