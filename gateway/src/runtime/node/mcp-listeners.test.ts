/** How many streams that only listen one key may have open. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { addMcpKey, listenAt, post, rpc, startMcpGateway, startRecorder } from "./testing/mcp-rig.ts";
import { type FakeServer, startFakeServer, tool } from "./testing/mcp-server.ts";

let server: FakeServer;
const PATH = "/mcp/files";
const WAIT = { timeout: 60_000, interval: 20 };

beforeAll(async () => {
  server = await startFakeServer({ tools: [tool("read")] });
});

afterAll(() => server.stop());

test.each([PATH, "/mcp"])(
  "at %s a key has so many streams at once, another key its own, and one that ends makes room",
  async (path) => {
    const twin = await startFakeServer({ tools: [tool("read")] });
    const other = await startMcpGateway({ files: server.url, twin: twin.url }, {}, { mcpStreamsMax: 2 });
    const keys = [addMcpKey(other, { maxConcurrency: 1 }), addMcpKey(other)];
    const sessions = await Promise.all(
      keys.map(async ({ secret }) => {
        const begun = await post(other, path, secret, rpc("initialize", { protocolVersion: "2025-11-25" }));
        return { "mcp-session-id": String(begun.headers["mcp-session-id"]) };
      }),
    );
    const open = (n: number) => {
      const headers = sessions[n] ?? {};
      return listenAt(other.url + path, keys[n]?.secret ?? "", headers);
    };
    const streams = [await open(0), await open(0)];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const answer = await fetch(other.url + path, {
      headers: { authorization: `Bearer ${keys[0]?.secret}`, ...sessions[0] },
    });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "1"]);
    const { error } = (await answer.json()) as { error: { code: number; message: string; data: object } };
    expect(error).toMatchObject({ code: -32012, data: { code: "rate_limit_exceeded" } });
    expect(error.message).toContain("open streams");
    // They take nothing of what calls have.
    expect((await post(other, path, keys[0]?.secret ?? "", rpc("ping"), sessions[0])).status).toBe(200);
    expect((await open(1)).status).toBe(200);
    for (let n = 0; n < 5; n++) {
      streams[0]?.leave();
      let next: Awaited<ReturnType<typeof open>> | undefined;
      await expect
        .poll(async () => {
          next = await open(0);
          return next.status;
        }, WAIT)
        .toBe(200);
      expect((await open(0)).status).toBe(429);
      if (next !== undefined) streams[0] = next;
    }
    other.table.edit(keys[0]?.record.id ?? "", { mcp: { enabled: false } });
    await Promise.all(streams.map(({ ended }) => ended));
    other.table.edit(keys[0]?.record.id ?? "", { mcp: { enabled: true, mode: "allow-all" } });
    expect([(await open(0)).status, (await open(0)).status, (await open(0)).status]).toEqual([200, 200, 429]);
    await other.stop();
    await twin.stop();
  },
);

test("HEAD opens no stream, ends no session and reaches no server", async () => {
  const other = await startMcpGateway({ files: server.url });
  const { secret } = addMcpKey(other);
  for (const path of [PATH, "/mcp"]) {
    const begun = await post(other, path, secret, rpc("initialize", { protocolVersion: "2025-11-25" }));
    const session = { "mcp-session-id": String(begun.headers["mcp-session-id"]) };
    server.seen.length = 0;
    const headers = { authorization: `Bearer ${secret}`, ...session };
    expect((await fetch(other.url + path, { method: "HEAD", headers })).status).toBe(405);
    expect(server.seen).toEqual([]);
  }
  await other.stop();
});

test("a stream that is refused or that the server does not give keeps no place", async () => {
  const deaf = await startRecorder((_, outgoing) => outgoing.writeHead(405).end());
  const other = await startMcpGateway({ files: deaf.url }, {}, { mcpStreamsMax: 1 });
  const { secret } = addMcpKey(other);
  for (let n = 0; n < 3; n++) {
    expect((await listenAt(other.url + PATH, secret, {})).status).toBe(405);
    expect((await listenAt(`${other.url}/mcp`, secret, {})).status).toBe(405);
    expect((await listenAt(`${other.url}/mcp/none`, secret, {})).status).toBe(403);
  }
  await other.stop();
  await deaf.stop();
});
