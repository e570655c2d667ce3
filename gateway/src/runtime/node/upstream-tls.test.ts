import type { AddressInfo } from "node:net";
import {
  createServer,
  getCACertificates,
  type Server,
  setDefaultCACertificates,
  type TLSSocket,
} from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Upstream } from "../../ports.ts";
import { parseEgressAllow } from "./egress.ts";
import { certificate, certificateKey } from "./testing/tls.ts";
import { createUpstream } from "./upstream.ts";

const usual = getCACertificates("default");
let server: Server;
let upstream: Upstream;
let port: number;
let names: (string | false)[];

beforeEach(async () => {
  names = [];
  server = createServer(
    { cert: certificate, key: certificateKey },
    (socket: TLSSocket & { servername?: string | false }) => {
      names.push(socket.servername ?? false);
      socket.on("error", () => socket.destroy());
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000\r\n");
        socket.write(`${"x".repeat(65_536)}\r\n0\r\n\r\n`);
      });
    },
  );
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
  const egressAllow = parseEgressAllow(`127.0.0.1:${port},localhost:${port},LOCALHOST:${port}`);
  upstream = createUpstream({ egressAllow, connectTimeoutMs: 20_000 });
});

afterEach(async () => {
  setDefaultCACertificates(usual);
  await upstream.close();
  await new Promise((resolve) => server.close(resolve));
});

function ask(host: string): Promise<{ bytes: number; failed?: string }> {
  return new Promise((resolve) => {
    let bytes = 0;
    const request = { path: "/", method: "GET", headers: [], body: [] } as const;
    upstream.open(
      {
        ...{ ...request, headers: [], origin: `https://${host}:${port}` },
        ...{ headersTimeoutMs: 20_000, idleTimeoutMs: 20_000 },
      },
      {
        head: () => undefined,
        data: (piece) => {
          bytes += piece.length;
        },
        end: () => resolve({ bytes }),
        failed: (failed) => resolve({ bytes, failed }),
      },
    );
  });
}

test("a provider is asked by its name, over one connection, and by none where it has an address", async () => {
  setDefaultCACertificates([...usual, certificate]);
  for (const host of ["localhost", "localhost", "127.0.0.1"]) {
    expect(await ask(host)).toEqual({ bytes: 65_536 });
  }
  expect(names).toEqual(["localhost", false]);
});

test("a provider whose certificate nobody vouches for gets no request", async () => {
  expect(await ask("localhost")).toEqual({ bytes: 0, failed: "disconnected" });
});
