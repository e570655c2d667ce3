/** What every command of `claviger` stands on. Expected failures are thrown as `CommandError` and become one line. */

/** What a command may do to the world around it. */
export interface Terminal {
  /** The environment, read where the process begins. */
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => Date;
  /** True when somebody sits there: questions are asked, else answers are read from standard input. */
  readonly isInteractive: boolean;
  /** Aborted by Ctrl-C: what follows something ends then. */
  readonly left: AbortSignal;
  /** One line to standard output. */
  out(line: string): void;
  /** Text to standard output as it comes, without a line's end. */
  write(text: string): void;
  /** One line to standard error: what is no part of the answer. */
  say(line: string): void;
  /** The answer to a question, shown while it is typed; the next line of standard input when nobody sits there. */
  ask(question: string): Promise<string>;
  /** The same, not shown. Secrets come in by this alone, never as arguments. */
  askSecret(question: string): Promise<string>;
}

/** What the process ends with, as `claviger help exit-codes` explains it. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  conflict: 5,
  pending: 6,
  unreachable: 7,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** One line each, in the words of the manual. */
export const exitCodeWords: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: "done",
  failed: "it did not work; the line on standard error says why",
  usage: "it was not asked for rightly, and nothing was done",
  notAllowed: "not signed in, or the role or key does not allow it",
  notFound: "there is no such thing",
  conflict: "its state or somebody else's change is in the way",
  pending:
    "accepted, but not yet in force everywhere: the answer names who is missing and by when it holds there",
  unreachable: "the control plane or gateway does not answer",
};

/** An outcome that is told in one line on standard error, with the exit code of its kind. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
