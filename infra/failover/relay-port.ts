/** A TCP address that can be pointed elsewhere, cut, slowed, torn, and made to swallow what it carries; for tests of failures. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RelayPort {
  readonly port: number;
  /** Where new connections go. */
  aim(port: number): void;
  /** Breaks every connection; with `refuse`, new ones too until `aim`. */
  cut(refuse: boolean): void;
  /** From now on nothing arrives, and nobody is told: the far end is silent, not gone. */
  swallow(): void;
  /** Ends `swallow` and `slow`; who was swallowed has to connect anew. */
  carry(): void;
  /** From now on every byte arrives so much later, in order. */
  slow(delayMs: number): void;
  /** The next message of each connection arrives in half, and then the connection is reset. */
  tear(): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and carries bytes to `target` there. */
export async function openRelayPort(target: number): Promise<RelayPort> {
  const sockets = new Set<Socket>();
  let to: number | undefined = target;
  let silent = false;
  let delayMs = 0;
  const torn = new WeakSet<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    if (silent) socket.pause();
  };
  const server = createServer((near) => {
    keep(near);
    if (to === undefined) return void near.destroy();
    const far = connect(to, "127.0.0.1");
    keep(far);
    carryBetween(near, far, () => (silent ? "swallow" : torn.has(near) ? "tear" : delayMs));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of [...sockets]) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    aim(port) {
      to = port;
    },
    cut(refuse) {
      if (refuse) to = undefined;
      cut();
    },
    swallow() {
      silent = true;
    },
    carry() {
      if (silent) cut();
      silent = false;
      delayMs = 0;
    },
    slow(ms) {
      delayMs = ms;
    },
    tear() {
      for (const socket of sockets) torn.add(socket);
    },
    async close() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** What happens to the bytes that come now: nobody gets them, they are the last, or they come so many milliseconds later. */
type Fate = "swallow" | "tear" | number;

function carryBetween(near: Socket, far: Socket, fate: () => Fate): void {
  near.on("close", () => far.destroy());
  far.on("close", () => near.destroy());
  const carryTo = (target: Socket) => {
    const late = inOrder((bytes) => target.destroyed || target.write(bytes));
    return (bytes: Buffer) => {
      const now = fate();
      if (now === "swallow") return;
      if (now !== "tear") return late(bytes, now);
      target.write(bytes.subarray(0, Math.ceil(bytes.length / 2)));
      setImmediate(() => {
        near.resetAndDestroy();
        far.resetAndDestroy();
      });
    };
  };
  near.on("data", carryTo(far));
  far.on("data", carryTo(near));
}

/** Hands on what it is given, each after its delay and none before what came earlier. */
function inOrder(write: (bytes: Buffer) => unknown): (bytes: Buffer, delayMs: number) => void {
  const queue: { bytes: Buffer; dueMs: number }[] = [];
  const drain = () => {
    const next = queue[0];
    if (next === undefined) return;
    const waitMs = next.dueMs - performance.now();
    if (waitMs > 0) return void setTimeout(drain, waitMs);
    queue.shift();
    write(next.bytes);
    drain();
  };
  return (bytes, delayMs) => {
    if (queue.length === 0 && delayMs === 0) return void write(bytes);
    queue.push({ bytes, dueMs: performance.now() + delayMs });
    if (queue.length === 1) drain();
  };
}
