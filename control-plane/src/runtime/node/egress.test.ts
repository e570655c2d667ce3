import type { LookupAddress } from "node:dns";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FORBIDDEN_ANSWERS, FORBIDDEN_HOSTS, FORBIDDEN_URLS } from "@claviger/shared/testing/egress-corpus";
import { afterEach, expect, test } from "vitest";
import { createPost, createStatusPost, type Lookups, limitLookups, parseEgressAllow } from "./egress.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server on this machine, and how often anybody came. */
async function serve(listener: RequestListener): Promise<{ port: number; calls: () => number }> {
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, calls: () => calls };
}

const echo: RequestListener = (request, response) => {
  response.setHeader("x-path", request.url ?? "");
  request.pipe(response);
};

const nothing = parseEgressAllow([]);
const resolved = (...answers: string[][]) => {
  return () => (_host: string, _options: object, done: (error: null, found: LookupAddress[]) => void) =>
    done(
      null,
      (answers.length > 1 ? (answers.shift() ?? []) : (answers[0] ?? [])).map((address) => ({
        address,
        family: address.includes(":") ? 6 : 4,
      })),
    );
};

test("control: what the operator allows is reached, body and headers arrive", async () => {
  const { port } = await serve(echo);
  const posted = await createPost(parseEgressAllow([`127.0.0.1:${port}`]))(
    `http://127.0.0.1:${port}/a`,
    "{}",
  );
  expect([posted.header("x-path"), new TextDecoder().decode(posted.body)]).toEqual(["/a", "{}"]);
  const byRange = createPost(parseEgressAllow(["127.0.0.0/8"]), resolved(["127.0.0.1"]));
  expect((await byRange(`http://worker.example:${port}/b`, "{}")).header("x-path")).toBe("/b");
});

test("no spelling of an address of this machine or its networks is connected to", async () => {
  const { port, calls } = await serve(echo);
  const post = createPost(nothing);
  for (const host of FORBIDDEN_HOSTS) {
    for (const protocol of ["http", "https"]) {
      await expect(post(`${protocol}://${host}:${port}/`, "{}"), `${protocol}://${host}`).rejects.toThrow(
        /may connect to/,
      );
    }
  }
  for (const url of FORBIDDEN_URLS) await expect(post(url, "{}"), url).rejects.toThrow(/may connect to/);
  expect(calls()).toBe(0);
});

test("a name is judged by every address that it has, at each connection anew", async () => {
  const { port, calls } = await serve(echo);
  const url = `https://rebinding.example:${port}/`;
  for (const addresses of FORBIDDEN_ANSWERS) {
    await expect(createPost(nothing, resolved([...addresses]))(url, "{}")).rejects.toThrow(/may connect to/);
  }
  // The public address stands for itself: a second look-up would have said this machine, and is not made.
  const rebinding = createPost(parseEgressAllow(["127.0.0.2/32"]), resolved(["127.0.0.2"], ["127.0.0.1"]));
  await expect(rebinding(`http://rebinding.example:${port}/`, "{}")).rejects.toThrow(/ECONNREFUSED/);
  await expect(rebinding(`http://rebinding.example:${port}/`, "{}")).rejects.toThrow(/may connect to/);
  expect(calls()).toBe(0);
});

test("plain http reaches only what the operator listed", async () => {
  const { port, calls } = await serve(echo);
  await expect(
    createPost(nothing, resolved(["93.184.216.34"]))(`http://worker.example:${port}/`, "{}"),
  ).rejects.toThrow(/may connect to/);
  expect(calls()).toBe(0);
});

test("a redirect is an answer that will not do, and is not followed", async () => {
  const secret = await serve(echo);
  const { port } = await serve((_request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${secret.port}/` }).end();
  });
  const post = createPost(parseEgressAllow([`127.0.0.1:${port}`, `127.0.0.1:${secret.port}`]));
  await expect(post(`http://127.0.0.1:${port}/`, "{}")).rejects.toThrow("it answered 307");
  expect(secret.calls()).toBe(0);
});

test("an answer without end is not read to its end, and one that does not come is not waited for", async () => {
  const endless = await serve((_request, response) => {
    const write = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", write);
    write();
  });
  const silent = await serve(() => undefined);
  const allow = parseEgressAllow([`127.0.0.1:${endless.port}`, `127.0.0.1:${silent.port}`]);
  await expect(createPost(allow)(`http://127.0.0.1:${endless.port}/`, "{}")).rejects.toThrow("too long");
  await expect(createPost(allow, undefined, 200)(`http://127.0.0.1:${silent.port}/`, "{}")).rejects.toThrow();
});

test("an entry of the list that is none is named", () => {
  expect(() => parseEgressAllow(["127.0.0.1:1", "localhost"])).toThrow('"localhost"');
});

test("names that hang hold so many threads and no more, and whoever waited in vain is not looked up", async () => {
  const pending: (() => void)[] = [];
  const hang = (_host: string, _options: object, done: (error: null, found: LookupAddress[]) => void) =>
    void pending.push(() => done(null, [{ address: "93.184.216.34", family: 4 }]));
  const ask = (lookups: Lookups) =>
    new Promise((settle) =>
      lookups("org_000000000001")("hang.example", {}, (error, found) =>
        settle(error?.message ?? found[0]?.address),
      ),
    );
  const patient = limitLookups(hang, { max: 2, ofOneMax: 2, waitMsMax: 60_000 });
  const three = [ask(patient), ask(patient), ask(patient)];
  expect(pending).toHaveLength(2);
  pending[0]?.();
  expect(await three[0]).toBe("93.184.216.34");
  await expect.poll(() => pending.length).toBe(3);
  for (const answer of pending.splice(0)) answer();
  await Promise.all(three);

  const hasty = limitLookups(hang, { max: 1, ofOneMax: 1, waitMsMax: -1 });
  expect([await ask(hasty), pending.length]).toEqual(["too many look-ups of names", 0]);
});

test("an organization whose names hang keeps one look-up, whatever it posts; others' names are looked up beside it", async () => {
  const pending: { host: string; answer: () => void }[] = [];
  const lookups = limitLookups((host, _options, done) => {
    pending.push({ host, answer: () => done(null, [{ address: "127.0.0.9", family: 4 }]) });
  });
  const knock = createPost(nothing, lookups);
  const tell = createStatusPost(nothing, lookups);
  const all = [
    knock("https://knock.hang.example/", "{}", "org_1"),
    tell("https://tell.hang.example/", {}, "{}", "org_1"),
    knock("https://other.example/", "{}", "org_2"),
  ].map((posted) => posted.catch((error: Error) => error.message));
  const hosts = () => pending.map(({ host }) => host);
  await expect.poll(() => pending.length).toBe(2);
  expect(hosts()).toEqual(["knock.hang.example", "other.example"]);
  pending[0]?.answer();
  await expect.poll(hosts).toEqual(["knock.hang.example", "other.example", "tell.hang.example"]);
  for (const { answer } of pending.slice(1)) answer();
  for (const said of await Promise.all(all)) expect(said).toMatch(/may connect to/);
});
