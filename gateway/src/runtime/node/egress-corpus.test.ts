import type { LookupAddress, LookupOptions } from "node:dns";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { FORBIDDEN_ANSWERS, FORBIDDEN_HOSTS, FORBIDDEN_URLS } from "@claviger/shared/testing/egress-corpus";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Upstream } from "../../ports.ts";
import { egressMode, guardedLookup, parseEgressAllow } from "./egress.ts";
import { createUpstream } from "./upstream.ts";

let server: Server;
let port = 0;
let calls = 0;
let answer: RequestListener = (_request, response) => void response.end("{}");
const opened: Upstream[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    calls += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  await Promise.all(opened.map((upstream) => upstream.close()));
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

/** A gateway's way to providers that lets through what is listed. */
function way(list: string): (origin: string) => Promise<string> {
  const upstream = createUpstream({ egressAllow: parseEgressAllow(list), connectTimeoutMs: 5_000 });
  opened.push(upstream);
  return (origin) =>
    new Promise((resolve) => {
      const request = {
        origin,
        path: "/v1/models",
        method: "GET",
        headers: [],
        body: [] as Uint8Array[],
      } as const;
      const call = upstream.open(
        { ...request, headers: [], headersTimeoutMs: 5_000, idleTimeoutMs: 5_000 },
        {
          head: (status) => {
            call.close();
            resolve(String(status));
          },
          data: () => undefined,
          end: () => undefined,
          failed: resolve,
        },
      );
    });
}

/** What becomes of a connection to a name that this look-up resolves. */
function connectBy(lookup: ReturnType<typeof guardedLookup>, to: number): Promise<string> {
  return new Promise((settle) => {
    const socket = connect({ host: "rebinding.example", port: to, lookup: lookup as never });
    const done = (what: string) => {
      socket.destroy();
      settle(what);
    };
    socket.once("connect", () => done(`connected to ${socket.remoteAddress}`));
    socket.once("error", (error) => done((error as NodeJS.ErrnoException).code ?? error.message));
  });
}

test("control: what the operator lists is reached, by its name and by its network", async () => {
  calls = 0;
  expect(await way(`127.0.0.1:${port}`)(`http://127.0.0.1:${port}`)).toBe("200");
  expect(await way("127.0.0.0/8")(`http://localhost:${port}`)).toBe("200");
  expect(calls).toBe(2);
});

test("no spelling of an address of this machine, its networks or a cloud's metadata is connected to", async () => {
  calls = 0;
  const open = way("");
  for (const host of FORBIDDEN_HOSTS) {
    for (const protocol of ["http", "https"]) {
      const origin = `${protocol}://${host}:${port}`;
      expect([origin, await open(origin)]).toEqual([origin, "blocked"]);
    }
  }
  for (const url of FORBIDDEN_URLS) expect([url, await open(url)]).toEqual([url, "blocked"]);
  // A name that every machine resolves to itself.
  expect(await open(`https://localhost:${port}`)).toBe("blocked");
  expect(calls).toBe(0);
});

test("another port of an address that is listed is another address", async () => {
  calls = 0;
  const open = way(`127.0.0.1:${port + 1}, sandbox.local:${port}`);
  expect(await open(`http://127.0.0.1:${port}`)).toBe("blocked");
  expect(await open(`https://127.0.0.1:${port}`)).toBe("blocked");
  expect(calls).toBe(0);
});

test("a name is judged by every address that it has, and connected to at the one that was judged", async () => {
  const resolve = (found: readonly string[]) => {
    return (_host: string, _options: LookupOptions, done: (error: null, found: LookupAddress[]) => void) =>
      done(
        null,
        found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
  };
  const none = parseEgressAllow("");
  for (const answers of FORBIDDEN_ANSWERS) {
    for (const mode of ["public", "listed"] as const) {
      const outcome = await connectBy(guardedLookup(none, mode, resolve(answers)), port);
      expect([answers, outcome]).toEqual([answers, "EGRESS_BLOCKED"]);
    }
  }
  // The second answer of a name that rebinds is never asked for; were it, it would be judged like the first.
  const turns = [["127.0.0.1"], ["127.0.0.2"]];
  const turning = guardedLookup(parseEgressAllow("127.0.0.1/32"), "listed", (host, options, done) =>
    resolve(turns.shift() ?? [])(host, options, done),
  );
  expect(await connectBy(turning, port)).toBe("connected to 127.0.0.1");
  expect(turns).toHaveLength(1);
  expect(await connectBy(turning, port)).toBe("EGRESS_BLOCKED");
});

test("over IPv6 too, the address that was judged is the one that is tried, and only where it is listed", async () => {
  // Nobody listens, so that it is the same on a machine without IPv6: a way that is open leads to no connection.
  const origin = `http://[::1]:${port}`;
  expect(await way("::1/128")(origin)).toBe("disconnected");
  expect(await way(`[::1]:${port}`)(`http://[0:0:0:0:0:0:0:1]:${port}`)).toBe("disconnected");
  for (const list of ["", `[::1]:${port + 1}, fd00::/8`]) expect(await way(list)(origin)).toBe("blocked");
  const turns = [["::1"], ["::1", "fd00::1"], ["::ffff:127.0.0.1"], ["127.0.0.1"]];
  const lookup = guardedLookup(parseEgressAllow("::1/128"), "listed", (_host, _options, done) =>
    done(
      null,
      (turns.shift() ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    ),
  );
  const tried = () =>
    new Promise<string>((settle) => {
      const socket = connect({ host: "rebinding.example", port, lookup: lookup as never });
      socket.once("error", ({ code, address = "nothing" }: NodeJS.ErrnoException & { address?: string }) =>
        settle(`${address} ${code}`),
      );
      socket.once("connect", () => settle("connected"));
    });
  expect(await tried()).toMatch(/^::1 (?!EGRESS_BLOCKED)/);
  // The name now has another address, which is judged anew; none of the first answer's was asked for twice.
  expect(turns).toHaveLength(3);
  for (let n = 0; n < 3; n++) expect(await tried()).toBe("nothing EGRESS_BLOCKED");
});

test("a redirect is an answer like any other: nobody goes where it points", async () => {
  calls = 0;
  answer = (_request, response) =>
    void response.writeHead(307, { location: `http://127.0.0.1:${port}/secret` }).end();
  expect(await way(`127.0.0.1:${port}`)(`http://127.0.0.1:${port}`)).toBe("307");
  expect(calls).toBe(1);
  answer = (_request, response) => void response.end("{}");
});

test("what is no origin is blocked before anything is looked up", () => {
  for (const origin of ["nonsense", "", "//host", "https://", "http://"]) {
    expect([origin, egressMode(parseEgressAllow(""), origin)]).toEqual([origin, "blocked"]);
  }
});
