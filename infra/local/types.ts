/**
 * The words of the local stack. `npm start` (start.ts) and the end-to-end tests (testing/stack.ts) run the same
 * supervisor through these types, so what a test proves is what a newcomer starts.
 */

/** One child process by name. `control-plane-2` and up exist when `controlPlanes` is greater than 1. */
export type ChildName =
  | "postgres"
  | "nats"
  | "sandbox"
  | "control-plane"
  | `control-plane-${number}`
  | `gateway-${string}`;

/** How a process ended; exactly one of the two is not null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A supervised child; it keeps its name while processes come and go beneath it. */
export interface Child {
  readonly name: ChildName;
  /** Process id of the running process, or null while there is none. */
  readonly pid: number | null;
  readonly logFile: string;
  /** The last lines of its log. */
  logTail(lines: number): string;
  /** Sends a signal to the process; a death by it counts as a crash, so the supervisor restarts the child. */
  kill(signal: NodeJS.Signals): void;
  /** Ends the process and keeps it down until `start`; SIGKILL after `stopMsMax`. */
  stop(): Promise<void>;
  /** Starts the process (again) and resolves once it is ready; throws with the last log lines when it fails. */
  start(): Promise<void>;
  /** Resolves at the next end of its process. */
  nextExit(): Promise<Exit>;
}

export interface StackUrls {
  readonly controlPlane: string;
  /** Every control-plane process, the first one included. */
  readonly controlPlanes: readonly string[];
  readonly dashboard: string;
  readonly sandbox: string;
  /** With the superuser's password: for tests that look into the database. */
  readonly postgres: string;
  readonly nats: string;
  readonly natsWebSocket: string;
  /** By gateway name: `eu-1`, `us-1`. Empty without the demo. */
  readonly gateways: Readonly<Record<string, string>>;
}

/** What `$CLAVIGER_HOME/credentials.json` holds (API.md §1). Without the demo only `operatorToken` exists. */
export interface Credentials {
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly adminToken: string;
  readonly operatorToken: string;
  readonly organizationId: string;
  readonly projectId: string;
  readonly demoKey: string;
}

export interface StackOptions {
  /** Holds all state; made when missing. */
  readonly home: string;
  /** First port; the layout of API.md §1 follows it. */
  readonly portBase: number;
  /** Seed the organization, the project, the sandbox's LLM key and the demo key, and run the gateways. Default true. */
  readonly demo?: boolean;
  /** Restart children that die, with back-off. Default true. */
  readonly restart?: boolean;
  /** Control-plane processes; those after the first listen on `portBase + 20 + n`. Default 1. */
  readonly controlPlanes?: number;
  /** Replicas of each gateway (one folder each below its home). Default 1. */
  readonly replicas?: number;
  /** Gateways to run: name → port offset from `portBase`. Default `{"eu-1": 1, "us-1": 2}`. */
  readonly gateways?: Readonly<Record<string, number>>;
  /** Gateways to run on the Workers runtime: name → port offset. Default none. */
  readonly workers?: Readonly<Record<string, number>>;
  /** Extra environment by child name, over what the stack sets. */
  readonly env?: Readonly<Partial<Record<ChildName, Readonly<Record<string, string>>>>>;
  /** Extra PostgreSQL settings. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** Folder for downloaded programs; survives `--reset`. Default `.cache/` in the checkout. */
  readonly cacheDir?: string;
  /** The value of PATH that nats-server is looked for on. */
  readonly searchPath?: string;
  /** Aborting it while the stack starts stops what has started; `startLocalStack` then throws. */
  readonly signal?: AbortSignal;
  /** Receives progress, one line at a time. */
  readonly report?: (line: string) => void;
  /** Told about a child that ended without being asked to and, with `restart: false`, stays down. */
  readonly onChildLost?: (name: ChildName, exit: Exit) => void;
}

/** A running stack. */
export interface Stack {
  readonly home: string;
  readonly urls: StackUrls;
  /** Null without the demo. */
  readonly credentials: Credentials | null;
  readonly operatorToken: string;
  /** Process ids of the children that run now. */
  readonly pids: Readonly<Partial<Record<ChildName, number>>>;
  child(name: ChildName): Child;
  /** Stops and starts one child; resolves once it is ready again. */
  restart(name: ChildName): Promise<void>;
  /** Stops every child in reverse order; idempotent. Data stays in `home`. */
  stop(): Promise<void>;
}

/** A failure that has one clear line for the person at the terminal; `detail` may hold log lines. */
export class LocalStackError extends Error {
  readonly detail: string | undefined;

  constructor(message: string, detail?: string) {
    super(message);
    this.name = "LocalStackError";
    this.detail = detail;
  }
}
