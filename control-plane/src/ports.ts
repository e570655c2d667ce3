/** What the control plane's core needs from the place it runs in; `runtime/node` answers each port once. */
import type { VerificationKey } from "@claviger/shared/wire/enrol";
import type { Question } from "@claviger/shared/wire/query";
import type { Sign } from "@claviger/shared/wire/sign";
import type { Database } from "./db/database.ts";

export interface Ports {
  readonly db: Database;
  readonly clock: { nowMs(): number };
  /** Cryptographically random bytes. */
  readonly random: (bytes: number) => Uint8Array;
  /** Signs with the current JWS key of the cluster. */
  readonly sign: Sign;
  readonly vault: Vault;
  readonly passwords: Passwords;
  readonly bus: Bus;
  readonly wake: Wake;
  readonly fleet: FleetLink;
  readonly log: Log;
}

/** What a replica is told when it enrols, and the way to ask one. */
export interface FleetLink {
  readonly natsUrls: readonly string[];
  /** Public halves of the JWS keys, current and next. */
  readonly verificationKeys: readonly VerificationKey[];
  /** One question to one replica over the bus; resolves to its rows, or undefined when it did not answer in time. */
  ask(
    orgId: string,
    replicaId: string,
    question: Question,
    timeoutMs: number,
  ): Promise<unknown[] | undefined>;
  /**
   * Knocks at the organization's replicas that have a public URL and have not confirmed the latest change by themselves;
   * resolves when they have answered, or will not. Absent where nobody can be knocked at.
   */
  readonly knock?: (orgId: string) => Promise<void>;
}

/** Wraps small secrets (data keys, signing keys) under the key-encryption key; `context` is authenticated. */
export interface Vault {
  wrap(plain: Uint8Array, context: string): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>;
}

/** argon2id (RFC 9106), PHC string format. */
export interface Passwords {
  hash(password: string): Promise<string>;
  verify(password: string, phc: string): Promise<boolean>;
}

/** The untrusted courier. Publishing never fails a caller: what is lost is fetched by revision. */
export interface Bus {
  publish(subject: string, body: string): void;
  readonly connected: boolean;
}

/** PostgreSQL's LISTEN/NOTIFY: wakes who waits, carries nothing that decides. */
export interface Wake {
  /** Calls back after every notification on the channel, and after every reconnect. Returns the way to stop. */
  on(channel: "operation" | "change" | "fleet", callback: (payload: string) => void): () => void;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
