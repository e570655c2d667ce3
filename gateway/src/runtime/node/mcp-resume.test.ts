/** What a stream was begun by is asked again when it is resumed: its events are answers, and rights may have changed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { addMcpKey, listenAt, rpc, setServer, startMcpGateway, startRecorder } from "./testing/mcp-rig.ts";
import type { TestGateway } from "./testing/rig.ts";

let recorder: Awaited<ReturnType<typeof startRecorder>>;
let gateway: TestGateway;
/** What the server was asked, method by method. */
const asked: string[] = [];

beforeAll(async () => {
  recorder = await startRecorder((request, outgoing) => {
    asked.push(`${request.method} ${request.headers["last-event-id"] ?? ""}`.trim());
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    outgoing.write(`id: e-${asked.length}\ndata: ${JSON.stringify(rpc("ping"))}\n\n`);
  });
  gateway = await startMcpGateway({ files: recorder.url });
  setServer(gateway, { name: "files", url: recorder.url, newOffers: "accept" });
});

afterAll(async () => {
  await gateway.stop();
  await recorder.stop();
});

/** Calls as a stream and leaves; what its first event is called here. */
async function firstEventOf(secret: string, method: string, params: object): Promise<string> {
  const left = new AbortController();
  const answer = await fetch(`${gateway.url}/mcp/files`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(rpc(method, params)),
    signal: left.signal,
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n\n")) text += (await reader?.read())?.value ?? "";
  left.abort();
  return /^id: (\S+)$/m.exec(text)?.[1] ?? "";
}

const resume = (secret: string, event: string) =>
  listenAt(`${gateway.url}/mcp/files`, secret, { "last-event-id": event });

test.each<[string, string, object, object]>([
  ["a tool", "tools/call", { name: "read", arguments: { path: "x" } }, { tools: { files: ["write"] } }],
  ["a prompt", "prompts/get", { name: "ask" }, { tools: { files: ["write"] } }],
  ["a resource", "resources/read", { uri: "file:///a" }, { tools: { files: ["write"] } }],
])(
  "the answer of %s that a key may not use any more is not fetched by resuming",
  async (_, method, params, less) => {
    const mcp = { enabled: true, mode: "allow-all" } as const;
    const { secret, record } = addMcpKey(gateway, { mcp });
    const event = await firstEventOf(secret, method, params);
    const again = await resume(secret, event);
    expect(again.status).toBe(200);
    await expect.poll(() => again.text(), { timeout: 60_000 }).toContain("id: ");
    const second = /^id: (\S+)$/m.exec(again.text())?.[1] ?? "";
    again.leave();
    gateway.table.edit(record.id, { mcp: { ...mcp, ...less } });
    const before = asked.length;
    // Also from an event of the stream that was resumed.
    for (const id of [event, second]) expect((await resume(secret, id)).status).toBe(403);
    expect(asked.length).toBe(before);
  },
);

test("who only listened resumes as before", async () => {
  const mcp = { enabled: true, mode: "allow-all" } as const;
  const { secret, record } = addMcpKey(gateway, { mcp });
  const stream = await listenAt(`${gateway.url}/mcp/files`, secret, {});
  await expect.poll(() => stream.text(), { timeout: 60_000 }).toContain("id: ");
  const event = /^id: (\S+)$/m.exec(stream.text())?.[1] ?? "";
  stream.leave();
  gateway.table.edit(record.id, { mcp: { ...mcp, tools: { files: ["write"] } } });
  const again = await resume(secret, event);
  expect(again.status).toBe(200);
  expect(asked.at(-1)).toMatch(/^GET e-/);
  again.leave();
});
