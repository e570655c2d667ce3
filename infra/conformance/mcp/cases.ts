/** What the reference servers are asked by both clients, through a gateway and directly. */
import { join } from "node:path";
import type { Face } from "./clients.ts";

export type Ask = (client: Face) => Promise<unknown>;

/** Everything that the reference server does and that says the same twice. */
export const OF_EVERYTHING: Readonly<Record<string, Ask>> = {
  capabilities: async (client) => withoutTaskList(client.getServerCapabilities()),
  version: async (client) => client.getServerVersion(),
  instructions: async (client) => client.getInstructions(),
  ping: (client) => client.ping(),
  tools: (client) => client.listTools(),
  prompts: (client) => client.listPrompts(),
  resources: (client) => client.listResources(),
  templates: (client) => client.listResourceTemplates(),
  echo: (client) => client.callTool({ name: "echo", arguments: { message: "grüße 👋" } }),
  sum: (client) => client.callTool({ name: "get-sum", arguments: { a: 2, b: 40 } }),
  structured: (client) =>
    client.callTool({ name: "get-structured-content", arguments: { location: "New York" } }),
  image: (client) => client.callTool({ name: "get-tiny-image", arguments: {} }),
  annotated: (client) =>
    client.callTool({ name: "get-annotated-message", arguments: { messageType: "error" } }),
  links: (client) => client.callTool({ name: "get-resource-links", arguments: { count: 3 } }),
  "unknown tool": (client) => said(client.callTool({ name: "nowhere", arguments: {} })),
  "wrong arguments": (client) => said(client.callTool({ name: "get-sum", arguments: { a: "x" } })),
  "long running": (client) =>
    client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 1, steps: 3 } }),
  prompt: (client) => client.getPrompt({ name: "args-prompt", arguments: { city: "Oslo" } }),
  resource: async (client) => {
    const { resources } = await client.listResources();
    return client.readResource({ uri: resources[0]?.uri ?? "" });
  },
  "resource that is not there": (client) => said(client.readResource({ uri: "demo://nowhere" })),
  completion: (client) =>
    client.complete({
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "E" },
    }),
  logging: (client) => client.setLoggingLevel("error"),
};

/** Through a gateway there is no list of tasks, which would be those of all its keys. */
function withoutTaskList(capabilities: ReturnType<Face["getServerCapabilities"]>): object {
  const { tasks, ...others } = capabilities ?? {};
  const { list: _, ...rest } = tasks ?? {};
  return { ...others, tasks: rest };
}

/** An error as its client tells it. */
async function said(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    const { code, message, data } = error as { code?: number; message: string; data?: unknown };
    return { code, message, data };
  }
}

/** Of a server over `folder`, which has a file `a.txt`; `written` is one that is written. */
export function ofFilesystem(folder: string, written: string): Readonly<Record<string, Ask>> {
  const path = join(folder, "a.txt");
  return {
    tools: (client) => client.listTools(),
    read: (client) => client.callTool({ name: "read_text_file", arguments: { path } }),
    directory: (client) => client.callTool({ name: "list_directory", arguments: { path: folder } }),
    "what is not there for it": (client) =>
      client.callTool({ name: "read_text_file", arguments: { path: "/etc/passwd" } }),
    write: (client) =>
      client.callTool({ name: "write_file", arguments: { path: join(folder, written), content: "x" } }),
  };
}

/** Writes through one client what the other one reads; what both read then. */
export async function writeMemory(writer: Face, reader: Face, name: string): Promise<unknown[]> {
  const entity = { name, entityType: "test", observations: ["it holds"] };
  await writer.callTool({ name: "create_entities", arguments: { entities: [entity] } });
  const read: Ask = (client) => client.callTool({ name: "read_graph", arguments: {} });
  return [await read(reader), await read(writer)];
}
