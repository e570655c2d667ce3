/** What fleet needs of the bus beyond publishing: to listen and to answer. `runtime/node/nats.ts` is the adapter. */
import type { Bus } from "../ports.ts";

export interface BusMessage {
  readonly subject: string;
  readonly body: Uint8Array;
  respond(body: Uint8Array | string): void;
}

export interface FleetBus extends Bus {
  /** Resolves when the servers have what was published before, or when there is no hope of it; 1 s at most. */
  flush(): Promise<void>;
  /** With a queue, one subscriber of it gets each message. Survives reconnects. Returns the way to stop. */
  subscribe(subject: string, queue: string | null, handle: (message: BusMessage) => void): () => void;
}

/** The server's own account: what pushes organizations' accounts. Calls reject when nobody answers. */
export interface AccountBus {
  /** Stores an account JWT on the servers; live connections that it no longer allows are dropped. */
  update(jwt: string): Promise<void>;
  /** Public keys of the accounts that the servers hold. */
  list(): Promise<readonly string[]>;
  /** Calls back at the first connect and after every reconnect. */
  onConnect(callback: () => void): () => void;
}
