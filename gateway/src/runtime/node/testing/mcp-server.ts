/** For tests: an MCP server of the test's making, in JSON and with sessions, behind a recorder. */
import type { ServerResponse } from "node:http";
import { type Recorded, startRecorder } from "./mcp-rig.ts";

export interface Offers {
  tools: { name: string; description: string; inputSchema: object }[];
  prompts: { name: string; description: string }[];
  resources: { uri: string; name: string }[];
  resourceTemplates: { uriTemplate: string; name: string }[];
}

export const tool = (name: string, description = "does it") => ({
  name,
  description,
  inputSchema: { type: "object" },
});

/** Answers every method; what it offers can be changed while it runs. */
export async function startFakeServer(given: Partial<Offers> = {}) {
  const offers: Offers = { tools: [], prompts: [], resources: [], resourceTemplates: [], ...given };
  const streams = new Set<ServerResponse>();
  let sessions = 0;
  const recorder = await startRecorder((request, outgoing) => {
    if (request.method === "GET") {
      outgoing.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      streams.add(outgoing);
      outgoing.on("close", () => streams.delete(outgoing));
      return;
    }
    if (request.method === "DELETE") return void outgoing.writeHead(200).end();
    const message = JSON.parse(request.body) as { id?: number; method?: string };
    if (message.id === undefined || message.method === undefined) return void outgoing.writeHead(202).end();
    const head: Record<string, string> = { "content-type": "application/json" };
    if (message.method === "initialize") head["mcp-session-id"] = `upstream-${++sessions}`;
    const body = { jsonrpc: "2.0", id: message.id, result: resultOf(offers, message.method, request) };
    outgoing.writeHead(200, head).end(JSON.stringify(body));
  });
  return {
    ...recorder,
    offers,
    /** Streams that clients listen to. */
    streams,
    /** What came, but for the gateway's own looks. */
    fromClients: () => recorder.seen.filter(({ body }) => !body.includes('"clientInfo":{"name":"claviger"')),
    methods: () =>
      recorder.seen.flatMap(({ body }) =>
        body === "" ? [] : [(JSON.parse(body) as { method?: string }).method ?? ""],
      ),
  };
}

function resultOf(offers: Offers, method: string, { body }: Recorded): object {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
        serverInfo: { name: "fake", version: "1.0.0" },
      };
    case "tools/list":
      return { tools: offers.tools };
    case "prompts/list":
      return { prompts: offers.prompts };
    case "resources/list":
      return { resources: offers.resources };
    case "resources/templates/list":
      return { resourceTemplates: offers.resourceTemplates };
    case "tools/call":
      return { content: [{ type: "text", text: `called ${nameOf(body)}` }] };
    case "prompts/get":
      return { messages: [] };
    case "resources/read":
      return { contents: [{ uri: nameOf(body), text: "content" }] };
    case "completion/complete":
      return { completion: { values: ["x"] } };
    default:
      return {};
  }
}

function nameOf(body: string): string {
  const { params } = JSON.parse(body) as { params: { name?: string; uri?: string } };
  return params.name ?? params.uri ?? "";
}

export type FakeServer = Awaited<ReturnType<typeof startFakeServer>>;
