import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { type Certificate, makeAuthority, makeServer } from "./certificate.ts";

const DAY_MS = 86_400_000;
const days = (from: number, to: number) => ({
  from: new Date(Date.now() + from * DAY_MS),
  to: new Date(Date.now() + to * DAY_MS),
});

/** What a client that trusts `authority` says of a server with this certificate. */
async function handshake(server: Certificate, authority: Certificate, name: string): Promise<string> {
  const listening = createServer({ cert: server.certificatePem, key: server.keyPem });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  try {
    return await new Promise((resolve) => {
      const ip = /^[\d.]+$/.test(name);
      const options = { host: "127.0.0.1", port, ca: authority.certificatePem };
      const socket = connect({ ...options, ...(ip ? {} : { servername: name }) }, () => {
        resolve("trusted");
        socket.destroy();
      });
      socket.on("error", (error: Error & { code?: string }) => resolve(error.code ?? error.message));
    });
  } finally {
    listening.close();
  }
}

test("a server's certificate holds for its names and addresses, in its time, by its authority, and not else", async () => {
  const authority = makeAuthority("Test authority", days(-1, 400));
  const server = makeServer(["nats-0.example.com", "127.0.0.1", "2001:db8::1"], days(-1, 30), authority);
  expect(await handshake(server, authority, "nats-0.example.com")).toBe("trusted");
  expect(await handshake(server, authority, "127.0.0.1")).toBe("trusted");
  expect(await handshake(server, authority, "other.example.com")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  const old = makeServer(["127.0.0.1"], days(-30, -1), authority);
  expect(await handshake(old, authority, "127.0.0.1")).toBe("CERT_HAS_EXPIRED");
  const other = makeAuthority("Test authority", days(-1, 30_000));
  expect(await handshake(server, other, "127.0.0.1")).not.toBe("trusted");
});
