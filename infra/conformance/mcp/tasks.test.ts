/** Tasks of a real server, with the official client that knows them: whose they are, and that elicitation in them works. */
import { addMcpKey, startMcpGateway } from "@claviger/gateway/runtime/node/testing/mcp-rig";
import type { TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, startEverything } from "./servers.ts";

const WAIT_MS = 120_000;
let everything: RunningServer;
let gateway: TestGateway;

beforeAll(async () => {
  everything = await startEverything();
  gateway = await startMcpGateway({ everything: everything.url });
}, WAIT_MS);

afterAll(async () => {
  await gateway?.stop();
  await everything?.stop();
}, WAIT_MS);

async function connect(secret: string, asked: () => void): Promise<Client> {
  const client = new Client({ name: "conformance", version: "1.0.0" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => {
    asked();
    return { action: "accept", content: { interpretation: "technical" } };
  });
  const headers = { authorization: `Bearer ${secret}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/everything`), {
    requestInit: { headers },
  });
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  return client;
}

test(
  "a call runs as a task to its end, with a question on the way; another key cannot see, end or read it",
  async () => {
    let asked = 0;
    const mine = await connect(addMcpKey(gateway).secret, () => void asked++);
    const others = await connect(addMcpKey(gateway).secret, () => void asked++);
    const call = { name: "simulate-research-query", arguments: { topic: "python", ambiguous: true } };
    const steps: string[] = [];
    let taskId = "";
    const stream = mine.experimental.tasks.callToolStream(call, CallToolResultSchema, {
      task: { ttl: 60_000 },
    });
    for await (const step of stream) {
      steps.push(step.type);
      if (step.type === "taskCreated") {
        taskId = step.task.taskId;
        for (const work of [
          () => others.experimental.tasks.getTask(taskId),
          () => others.experimental.tasks.cancelTask(taskId),
          () => others.experimental.tasks.getTaskResult(taskId, CallToolResultSchema),
          () => mine.experimental.tasks.listTasks(),
        ]) {
          await expect(work()).rejects.toThrow(/invalid_value|unknown_mcp_method/);
        }
      }
      if (step.type === "taskStatus") expect(step.task.taskId).toBe(taskId);
      if (step.type === "error") throw step.error;
    }
    expect(steps[0]).toBe("taskCreated");
    expect([steps.at(-1), asked]).toEqual(["result", 1]);
    expect((await mine.experimental.tasks.getTask(taskId)).status).toBe("completed");
    await Promise.all([mine.close(), others.close()]);
  },
  WAIT_MS,
);
