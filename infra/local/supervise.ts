/**
 * Keeps one child alive: starts it, waits until it is ready, restarts it with back-off when it dies. Children know
 * nothing of each other, so the death of one takes no other with it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { readLogTail } from "./log-file.ts";
import { type ProcessSpec, type RunningProcess, startProcess } from "./process.ts";
import { type Child, type ChildName, type Exit, LocalStackError } from "./types.ts";
import { waitUntil } from "./wait.ts";

export interface ChildDefinition {
  readonly name: ChildName;
  readonly logFile: string;
  /** Called before every start. */
  readonly prepare: () => Promise<ProcessSpec>;
  /** Proof that it does its work; may throw for "not yet". */
  readonly ready: () => Promise<boolean>;
  readonly readyMsMax: number;
}

export interface Supervision {
  readonly restart: boolean;
  readonly report: (line: string) => void;
  readonly onSpawn: (name: ChildName, pid: number, stopSignal: NodeJS.Signals) => void;
  readonly onExit: (name: ChildName) => void;
  /** It ended unasked and stays down. */
  readonly onLost: (name: ChildName, exit: Exit) => void;
}

const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 10_000;
/** A process that lived this long begins the back-off anew. */
const STABLE_MS = 10_000;
/** After this a start that is under way says what it waits for. */
const PATIENCE_MS = 4000;
const START_ATTEMPTS = 3;

/** How a process ended, in words: `exit code 1`, `SIGKILL`. */
export function describeExit(exit: Exit): string {
  return exit.signal ?? `exit code ${exit.code}`;
}

export class SupervisedChild implements Child {
  readonly name: ChildName;
  readonly logFile: string;
  readonly #definition: ChildDefinition;
  readonly #supervision: Supervision;
  #process: RunningProcess | null = null;
  /** Counts starts and stops: work begun under an older number is void. */
  #round = 0;
  #failures = 0;
  #launching: Promise<unknown> = Promise.resolve();
  #exitWaiters: ((exit: Exit) => void)[] = [];

  constructor(definition: ChildDefinition, supervision: Supervision) {
    this.name = definition.name;
    this.logFile = definition.logFile;
    this.#definition = definition;
    this.#supervision = supervision;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  logTail(lines: number): string {
    return readLogTail(this.logFile, lines);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  nextExit(): Promise<Exit> {
    return new Promise((resolve) => this.#exitWaiters.push(resolve));
  }

  async start(): Promise<void> {
    if (this.#process !== null) return;
    const round = ++this.#round;
    for (let attempt = 1; ; attempt++) {
      const started = await this.#launch(round);
      if (started === null) throw new LocalStackError(`${this.name} was stopped while it started`);
      const outcome = await this.#untilReady(started);
      if (outcome === "ready") {
        this.#watch(started, round);
        return;
      }
      if (round !== this.#round) throw new LocalStackError(`${this.name} was stopped while it started`);
      const retry = outcome === "ended" && this.#supervision.restart && attempt < START_ATTEMPTS;
      if (!retry) throw await this.#failure(started, outcome);
      await pause(BACKOFF_MS_MIN * 2 ** attempt);
    }
  }

  async stop(): Promise<void> {
    this.#round++;
    // A launch that is under way notices the new round and ends what it started.
    await this.#launching.catch(() => undefined);
    await this.#process?.stop();
  }

  async #failure(started: RunningProcess, outcome: "ended" | "late"): Promise<LocalStackError> {
    const exit = started.exit();
    await this.stop();
    const seconds = this.#definition.readyMsMax / 1000;
    const what =
      outcome === "late" || exit === null
        ? `was not ready after ${seconds} s`
        : `ended while it started (${describeExit(exit)})`;
    return new LocalStackError(`${this.name} ${what}; its log: ${this.logFile}`, this.logTail(15));
  }

  /** Null when the round has passed. */
  #launch(round: number): Promise<RunningProcess | null> {
    const launching = (async () => {
      const spec = await this.#definition.prepare();
      if (round !== this.#round) return null;
      const started = await startProcess(spec);
      this.#process = started;
      this.#supervision.onSpawn(this.name, started.pid, spec.stopSignal);
      void started.exited.then((exit) => this.#ended(started, exit));
      return started;
    })();
    this.#launching = launching;
    return launching;
  }

  #ended(ended: RunningProcess, exit: Exit): void {
    if (this.#process === ended) this.#process = null;
    this.#supervision.onExit(this.name);
    for (const resolve of this.#exitWaiters.splice(0)) resolve(exit);
  }

  async #untilReady(started: RunningProcess): Promise<"ready" | "ended" | "late"> {
    const { report } = this.#supervision;
    const patience = setTimeout(
      () => report(`waiting for ${this.name}; its log: ${this.logFile}`),
      PATIENCE_MS,
    );
    const ready = await waitUntil(this.#definition.ready, {
      timeoutMs: this.#definition.readyMsMax,
      everyMs: 50,
      abandoned: () => started.exit() !== null,
    });
    clearTimeout(patience);
    if (started.exit() !== null) return "ended";
    return ready ? "ready" : "late";
  }

  #watch(watched: RunningProcess, round: number): void {
    const sinceMs = Date.now();
    void watched.exited.then((exit) => {
      if (round !== this.#round) return;
      if (Date.now() - sinceMs >= STABLE_MS) this.#failures = 0;
      if (!this.#supervision.restart) {
        this.#round++;
        this.#supervision.onLost(this.name, exit);
        return;
      }
      void this.#revive(exit, round);
    });
  }

  async #revive(exit: Exit, round: number): Promise<void> {
    const delayMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures++);
    const { report } = this.#supervision;
    report(`${this.name} ended (${describeExit(exit)}); restarting in ${delayMs} ms`);
    await pause(delayMs);
    if (round !== this.#round) return;
    try {
      const started = await this.#launch(round);
      if (started === null) return;
      this.#watch(started, round);
      const outcome = await this.#untilReady(started);
      if (outcome === "ready") report(`${this.name} is back (pid ${started.pid})`);
      if (outcome === "late") report(`${this.name} runs but is not ready; its log: ${this.logFile}`);
    } catch (error) {
      // The program itself could not be run; that may heal (a port that is still held, a full disk).
      report(`${this.name} cannot start: ${error instanceof Error ? error.message : String(error)}`);
      if (round === this.#round) void this.#revive({ code: 1, signal: null }, round);
    }
  }
}
