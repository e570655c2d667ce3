/** A TCP proxy that keeps all bytes of both directions: what somebody on the wire would see. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface ListeningProxy {
  readonly port: number;
  /** Everything that has passed, in order of arrival. */
  heard(): Buffer;
  close(): void;
}

/** Listens on a free port and passes on to `targetPort`, which may begin to listen later. */
export async function startListening(targetPort: number): Promise<ListeningProxy> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk: Buffer) => chunks.push(chunk));
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => Buffer.concat(chunks),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
