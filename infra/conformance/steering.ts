/** A forwarder in front of a gateway that adds the sandbox's steering to every request, for clients that cannot. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Steering } from "../sandbox-provider/steering.ts";

/** Listens until it is stopped; a connection that breaks on one side breaks on the other. */
export async function steering(to: string, steer: Steering): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(to);
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, "x-sandbox": JSON.stringify(steer) };
    const { method, url: path } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => outgoing.destroy());
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
