import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "./create-sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

async function ask(message: object | string, path = "/mcp"): Promise<{ status: number; body: string }> {
  const response = await fetch(`${sandbox.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body: typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message }),
  });
  return { status: response.status, body: await response.text() };
}

const result = async (method: string, params: object = {}, path?: string) =>
  JSON.parse((await ask({ id: 1, method, params }, path)).body).result;

test("it speaks the version that it is asked for, and the newest where it does not know that", async () => {
  const begun = (protocolVersion: string) => result("initialize", { protocolVersion });
  expect(await begun("2025-06-18")).toMatchObject({
    protocolVersion: "2025-06-18",
    serverInfo: { name: "sandbox" },
  });
  expect(await begun("1999-01-01")).toMatchObject({ protocolVersion: "2025-11-25" });
  expect(await ask({ method: "notifications/initialized" })).toEqual({ status: 202, body: "" });
});

test("its tools answer, and one fails", async () => {
  const call = (name: string, given: object) => result("tools/call", { name, arguments: given });
  expect(await call("add", { a: 2, b: 3 })).toEqual({ content: [{ type: "text", text: "5" }] });
  expect(await call("echo", { text: "hi" })).toMatchObject({ content: [{ text: "hi" }] });
  expect(await call("fail", {})).toMatchObject({ isError: true });
});

test("its second revision says something else of one tool, and has one more", async () => {
  const first = (await result("tools/list")).tools;
  const second = (await result("tools/list", {}, "/mcp?revision=2")).tools;
  expect(second).toHaveLength(first.length + 1);
  expect(second[0]).not.toEqual(first[0]);
  expect(second.slice(1, -1)).toEqual(first.slice(1));
});

test("what is no message, or asks for what there is not, is told so", async () => {
  expect((await ask("{")).status).toBe(400);
  expect((await ask("[]")).status).toBe(400);
  expect(JSON.parse((await ask({ id: 1, method: "tools/dance" })).body).error.code).toBe(-32_601);
});
