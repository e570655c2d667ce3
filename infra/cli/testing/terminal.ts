/** A terminal that nobody sits at: what it was given is read, what it was told is kept. */
import { claviger } from "../claviger.ts";
import { CommandError, type Terminal } from "../command.ts";

export interface Ran {
  readonly exitCode: number;
  /** Lines of standard output. */
  readonly lines: readonly string[];
  /** Lines of standard error that are no part of the outcome. */
  readonly said: readonly string[];
  /** The line that a failure ends with. */
  readonly error: string | undefined;
}

export interface Given {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly now?: () => Date;
  /** Lines of standard input. */
  readonly input?: readonly string[];
  readonly left?: AbortSignal;
  /** Called with each piece of output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a command in this process. What is no expected failure is thrown. */
export async function runClaviger(args: readonly string[], given: Given = {}): Promise<Ran> {
  const input = [...(given.input ?? [])];
  let output = "";
  const said: string[] = [];
  const put = (text: string) => {
    output += text;
    given.onOutput?.(text);
  };
  const next = async (question: string) => {
    const line = input.shift();
    if (line === undefined) throw new CommandError(`${question} is missing`, 2);
    return line;
  };
  const terminal: Terminal = {
    env: { ...given.env },
    now: given.now ?? (() => new Date()),
    isInteractive: false,
    left: given.left ?? new AbortController().signal,
    out: (line) => put(`${line}\n`),
    write: put,
    say: (line) => void said.push(line),
    ask: next,
    askSecret: next,
  };
  const lines = () => (output === "" ? [] : output.replace(/\n$/, "").split("\n"));
  try {
    await claviger(args, terminal);
    return { exitCode: 0, lines: lines(), said, error: undefined };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exitCode: error.exitCode, lines: lines(), said, error: error.message };
  }
}
