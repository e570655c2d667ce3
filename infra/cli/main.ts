/** The process of `npx claviger`. */
import { createInterface } from "node:readline";
import type * as Prompts from "@clack/prompts";
import { claviger } from "./claviger.ts";
import { CommandError, exitCodes, type Terminal } from "./command.ts";

const left = new AbortController();
const isInteractive = process.stdin.isTTY === true;

/** Lines of standard input, in order; it is opened when the first is asked for. */
let lines: AsyncIterator<string> | undefined;

async function nextLine(question: string): Promise<string> {
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { done, value } = await lines.next();
  if (done === true) {
    throw new CommandError(
      `${question} is missing: type it on a terminal or send it on standard input`,
      exitCodes.usage,
    );
  }
  return value;
}

type Prompt = (prompts: typeof Prompts) => Promise<string | symbol | undefined>;

async function prompted(question: string, prompt: Prompt): Promise<string> {
  if (!isInteractive) return nextLine(question);
  const prompts = await import("@clack/prompts");
  const answer = await prompt(prompts);
  if (prompts.isCancel(answer)) throw new CommandError("nothing was done", exitCodes.usage);
  return String(answer ?? "");
}

const terminal: Terminal = {
  env: process.env,
  now: () => new Date(),
  isInteractive,
  left: left.signal,
  out: (line) => void process.stdout.write(`${line}\n`),
  write: (chunk) => void process.stdout.write(chunk),
  say: (line) => void process.stderr.write(`${line}\n`),
  // What is asked is no part of the answer, which may go into a file.
  ask: (question) => prompted(question, ({ text }) => text({ message: question, output: process.stderr })),
  askSecret: (question) =>
    prompted(question, ({ password }) => password({ message: question, output: process.stderr })),
};

// `claviger logs | head`: whoever read us has what they wanted.
process.stdout.on("error", () => process.exit(exitCodes.done));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => left.abort());

try {
  await claviger(process.argv.slice(2), terminal);
} catch (error) {
  if (!left.signal.aborted) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`claviger: ${message.split("\n")[0]}\n`);
    process.exitCode = error instanceof CommandError ? error.exitCode : exitCodes.failed;
  }
}
// A prompt or a line reader that nobody needs any more keeps the process.
if (!isInteractive) process.stdin.destroy();
