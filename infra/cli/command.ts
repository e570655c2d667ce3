/** What every command of `claviger` is. Expected failures are thrown as `CommandError` and become one line. */

export interface Terminal {
  /** The environment, read where the process begins. */
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => Date;
  out(line: string): void;
}

export interface Command {
  /** As it is typed: `nats init`. */
  readonly name: string;
  readonly summary: string;
  /** Lines after the usage line. */
  readonly help: readonly string[];
  /** Throws `CommandError`. */
  run(args: readonly string[], terminal: Terminal): Promise<void>;
}

/** 1: it did not work; 2: it was not asked for rightly, and nothing was done. */
export class CommandError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
