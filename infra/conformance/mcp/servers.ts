/** For tests: the reference servers of MCP as they come from npm, each at an address of Streamable HTTP. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

const require = createRequire(import.meta.url);

export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** The program of a reference server. */
function programOf(name: "everything" | "filesystem" | "memory"): string {
  return require.resolve(`@modelcontextprotocol/server-${name}/dist/index.js`);
}

/** `server-everything` in its own Streamable HTTP mode, with sessions and resumable streams. */
export async function startEverything(): Promise<RunningServer> {
  const port = await freePort();
  const child = spawn(process.execPath, [programOf("everything"), "streamableHttp"], {
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    let text = "";
    child.stderr?.on("data", (data) => {
      text += data;
      if (text.includes("listening on port")) resolve();
    });
    child.once("exit", () => reject(new Error(`server-everything did not start: ${text}`)));
  });
  return { url: `http://127.0.0.1:${port}/mcp`, stop: () => stopChild(child) };
}

async function freePort(): Promise<number> {
  const probe = createSocketServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** `server-filesystem` over `folder`, behind a bridge. */
export function startFilesystem(folder: string): Promise<RunningServer> {
  return startBridge([programOf("filesystem"), folder], {});
}

/** `server-memory`, whose graph is in `file`, behind a bridge. */
export function startMemory(file: string): Promise<RunningServer> {
  return startBridge([programOf("memory")], { MEMORY_FILE_PATH: file });
}

interface Session {
  readonly http: StreamableHTTPServerTransport;
  readonly stdio: StdioClientTransport;
}

/** A process of a stdio server for each session; messages pass as they are. */
async function startBridge(args: string[], env: Record<string, string>): Promise<RunningServer> {
  const sessions = new Map<string, Session>();
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const id = incoming.headers["mcp-session-id"];
      const known = typeof id === "string" ? sessions.get(id) : undefined;
      if (known !== undefined) return known.http.handleRequest(incoming, outgoing);
      if (id !== undefined) return outgoing.writeHead(404).end();
      const { http } = await openSession(args, env, sessions);
      await http.handleRequest(incoming, outgoing, await jsonOf(incoming));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async stop() {
      server.closeAllConnections();
      await Promise.all([...sessions.values()].map(({ stdio }) => stdio.close()));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function openSession(
  args: string[],
  env: Record<string, string>,
  sessions: Map<string, Session>,
): Promise<Session> {
  const stdio = new StdioClientTransport({ command: process.execPath, args, env, stderr: "ignore" });
  const http: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, session);
    },
  });
  const session = { http, stdio };
  stdio.onmessage = (message) => {
    const answers = "id" in message && !("method" in message) ? message.id : undefined;
    void http.send(message, answers === undefined ? {} : { relatedRequestId: answers });
  };
  http.onmessage = (message) => void stdio.send(message);
  http.onclose = () => void stdio.close();
  await stdio.start();
  await http.start();
  return session;
}

async function jsonOf(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}
