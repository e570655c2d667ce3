/** A TCP address that can be pointed elsewhere, cut, and made to swallow what it carries; for tests of failures. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RelayPort {
  readonly port: number;
  /** Where new connections go. */
  aim(port: number): void;
  /** Breaks every connection; with `refuse`, new ones too until `aim`. */
  cut(refuse: boolean): void;
  /** From now on nothing arrives, and nobody is told: the far end is silent, not gone. */
  swallow(): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and carries bytes to `target` there. */
export async function openRelayPort(target: number): Promise<RelayPort> {
  const sockets = new Set<Socket>();
  let to: number | undefined = target;
  let silent = false;
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
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.on("data", (bytes) => silent || far.write(bytes));
    far.on("data", (bytes) => silent || near.write(bytes));
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
    async close() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
