/** What the Workers runtime gives to this folder, as far as it is used here. */
declare module "cloudflare:workers" {
  export abstract class DurableObject<Env> {
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
}

type SqlCell = ArrayBuffer | string | number | null;

interface SqlStorage {
  exec(query: string, ...values: (SqlCell | Uint8Array)[]): { toArray(): Record<string, SqlCell>[] };
  readonly databaseSize: number;
}

interface DurableObjectStorage {
  readonly sql: SqlStorage;
  transactionSync<T>(work: () => T): T;
  /** Resolves when all that was written is on disk. */
  sync(): Promise<void>;
  setAlarm(atMs: number): Promise<void>;
  getAlarm(): Promise<number | null>;
  deleteAll(): Promise<void>;
}

interface DurableObjectState {
  readonly storage: DurableObjectStorage;
  waitUntil(work: Promise<unknown>): void;
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
  abort(reason?: string): void;
}

interface DurableObjectStub {
  fetch(request: Request): Promise<Response>;
}

interface DurableObjectNamespace {
  getByName(name: string, options?: { locationHint?: string }): DurableObjectStub;
}
