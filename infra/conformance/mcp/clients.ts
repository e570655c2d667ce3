/** For tests: the two official clients behind one face. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

export const CLIENTS = ["@modelcontextprotocol/client", "@modelcontextprotocol/sdk"] as const;
export type ClientName = (typeof CLIENTS)[number];

export type Face = Pick<
  Client,
  | "callTool"
  | "close"
  | "complete"
  | "getPrompt"
  | "getServerCapabilities"
  | "getServerVersion"
  | "getInstructions"
  | "listPrompts"
  | "listResources"
  | "listResourceTemplates"
  | "listTools"
  | "ping"
  | "readResource"
  | "setLoggingLevel"
  | "subscribeResource"
>;

const INFO = { name: "conformance", version: "1.0.0" };

/** Connected; without a secret directly to a server. */
export async function connectClient(name: ClientName, url: string, secret?: string): Promise<Face> {
  const headers: Record<string, string> = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  const options = { requestInit: { headers } };
  if (name === "@modelcontextprotocol/client") {
    const client = new Client(INFO, { capabilities: {} });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
    return client;
  }
  const client = new OldClient(INFO, { capabilities: {} });
  await client.connect(new OldTransport(new URL(url), options) as Parameters<OldClient["connect"]>[0]);
  return client as unknown as Face;
}
