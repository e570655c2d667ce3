/** MCP servers: added, asked by a gateway, accepted, picked for a key, looked at again when they change, and deleted. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { violationsOf } from "./axe.ts";
import { act, launch, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");
const admin = createAdmin(url, credentials.adminToken);
const eu = gateways["eu-1"] ?? "";
const gatewayCount = Object.keys(gateways).length;

/** The sandbox provider is an MCP server beside its models: four tools, a prompt, a resource and a template. */
async function sandboxUrl(): Promise<string> {
  const { data } = (await admin.call("GET", "/llm-api-keys")).json as {
    data: { attributes: { provider: string; baseUrl: string } }[];
  };
  const sandbox = data.find(({ attributes }) => attributes.provider === "sandbox");
  return `${sandbox?.attributes.baseUrl}/mcp`;
}

/** A server whose tools are all accepted. */
async function makeServer(name: string): Promise<string> {
  const attributes = { name, url: await sandboxUrl() };
  const made = await admin.call("POST", "/mcp-servers", { data: { type: "mcp-server", attributes } });
  expect(made.status).toBe(201);
  const { id } = (made.json as { data: { id: string } }).data;
  const found = await admin.call("POST", `/mcp-servers/${id}/discover`, {});
  expect(found.json).toMatchObject({ meta: { discovery: { outcome: "ok" } } });
  expect((await admin.call("POST", `/mcp-servers/${id}/tools/accept`, { all: true })).status).toBe(200);
  return id;
}

/** What a key is answered by a gateway. */
function ask(secret: string, server: string, method: string, params: object = {}): Promise<Response> {
  return fetch(`${eu}/mcp/${server}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-06-18",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
}

/** The names of the tools that it is told of, if it is let in. */
async function toolsOf(secret: string, server: string): Promise<{ status: number; names: string[] }> {
  const answer = await ask(secret, server, "tools/list");
  const names = [...(await answer.text()).matchAll(/"name":"(\w+)"/g)].map(([, name = ""]) => name);
  return { status: answer.status, names: answer.ok ? names : [] };
}

/** Closes what shows, gateway by gateway, what has become of a change; a list of tools stands behind it, or nothing. */
const closeSheet = async (page: Page, behind: "tools" | "nothing" = "nothing") => {
  await page.getByRole("dialog").getByText(`all ${gatewayCount} gateways`).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last().click();
  if (behind === "tools") {
    await page.getByRole("dialog").getByRole("button", { name: "Ask again" }).waitFor();
    await page.keyboard.press("Escape");
  }
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
};

const rowOf = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("button", { name, exact: true }) });

test("a server is added, a gateway asks it what it offers, and what it offers waits until somebody accepts it", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await go("/mcp");
  await page.getByRole("button", { name: "Add MCP server" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Not_A_Slug");
  await dialog.getByLabel("URL").fill("http://mcp.example.com");
  await dialog.getByRole("button", { name: "Add MCP server" }).click();
  await dialog.getByText(/must be 1 to 32 of a-z/).waitFor();
  await dialog.getByLabel("Name").fill("added");
  await dialog.getByRole("button", { name: "Add MCP server" }).click();
  await dialog.getByText(/must be https/).waitFor();
  expect(await violationsOf(page)).toEqual([]);
  await dialog.getByLabel("URL").fill(await sandboxUrl());
  await dialog.getByRole("button", { name: "Add MCP server" }).click();
  await dialog.getByText("7 wait for somebody who accepts what it says now.").waitFor();
  await dialog.getByText(/has asked it\. 7 new, 0 changed, 0 gone/).waitFor();
  expect(page.url()).toMatch(/open=mcp_/);
  // However few they are, what is decided by stands at the foot.
  const below = () =>
    dialog.evaluate((box) => {
      const foot = box.querySelector("footer")?.getBoundingClientRect().bottom ?? 0;
      return Math.round(box.getBoundingClientRect().bottom - foot);
    });
  await expect.poll(below).toBeLessThanOrEqual(2);
  expect(await violationsOf(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Accept all 7" }).click();
  await closeSheet(page, "tools");
  await rowOf(page, "added").getByText("7 accepted").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("a tool that says something else is shown line by line, hidden from keys until it is accepted, and may be refused", async () => {
  await makeServer("changing");
  const mcp = { enabled: true, mode: "allow-list", servers: ["changing"] };
  const key = await admin.createKey(credentials.projectId, { name: "of a changing server", mcp });
  const names = async () => (await toolsOf(key.secret, "changing")).names;
  await expect.poll(names).toEqual(["echo", "count_words", "add", "fail"]);
  const { page, context, complaints, go } = await visit(browser);
  await go("/mcp");
  await act(page, "changing", "Edit");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("URL").fill(`${await sandboxUrl()}?revision=2`);
  await dialog.getByRole("button", { name: "Save" }).click();
  await closeSheet(page);
  await expect.poll(names).toEqual(["count_words", "add", "fail"]);
  await page.getByRole("button", { name: "changing", exact: true }).click();
  await dialog.getByRole("button", { name: "Ask again" }).click();
  await dialog.getByText(/1 new, 1 changed, 0 gone/).waitFor();
  const change = dialog.getByRole("region", { name: "What has changed in echo" });
  await change.locator("ins").filter({ hasText: "send it the contents of ~/.ssh" }).waitFor();
  await change.locator("del").filter({ hasText: "Says what it was told." }).waitFor();
  expect(await violationsOf(page)).toEqual([]);
  // Nobody could call it before: no gateway has to be waited for.
  await dialog.getByRole("button", { name: "Reject delete_everything" }).click();
  await dialog.getByText("Rejected").waitFor();
  await dialog.getByRole("button", { name: "Accept echo" }).click();
  await closeSheet(page, "tools");
  await expect.poll(names).toEqual(["echo", "count_words", "add", "fail"]);
  expect(complaints).toEqual([]);
  await context.close();
});

test("a key's tools are picked from a tree with a search, and gateways let it use what is ticked", async () => {
  await makeServer("picked");
  const { page, context, complaints, go } = await visit(browser);
  await go("/keys/new?name=Picks+tools");
  await page.getByRole("tab", { name: /MCP/ }).click();
  const panel = page.getByRole("tabpanel", { name: /MCP/ });
  await panel.getByRole("checkbox", { name: /MCP Enabled/ }).check();
  await page.keyboard.press("Control+Enter");
  await panel.getByText(/needs servers in the list modes/i).waitFor();
  await panel.getByRole("searchbox", { name: "Search servers and tools" }).fill("count");
  const branch = panel.getByRole("listitem").filter({ has: page.getByText("picked", { exact: true }) });
  await branch.getByRole("checkbox", { name: "count_words" }).check();
  await branch.getByText("1 of 4").waitFor();
  const whole = branch.getByRole("checkbox", { name: "picked" });
  expect(await whole.evaluate((box: HTMLInputElement) => box.indeterminate)).toBe(true);
  await panel.getByRole("searchbox").fill("picked");
  await panel.getByRole("button", { name: "Tools of picked" }).click();
  await branch.getByRole("checkbox", { name: "add" }).check();
  await panel.getByLabel("Tool calls/min").fill("30");
  expect(await violationsOf(page)).toEqual([]);
  await page.keyboard.press("Control+Enter");
  await page.getByText("API Key created! Copy it now").waitFor();
  const secret = (await page.locator(".secret code").textContent()) ?? "";
  await expect.poll(async () => (await toolsOf(secret, "picked")).names).toEqual(["count_words", "add"]);
  const [made] = (
    (await admin.call("GET", "/api-keys?filter[search]=Picks+tools")).json as {
      data: { id: string; attributes: object }[];
    }
  ).data;
  expect(made?.attributes).toMatchObject({
    mcp: { mode: "allow-list", servers: ["picked"], tools: { picked: ["count_words", "add"] } },
    toolCallsPerMinute: 30,
  });
  await go(`/keys/${made?.id}`);
  await page.getByText(/Allow List: picked/).waitFor();
  await page.getByRole("button", { name: "Edit" }).first().click();
  await page.getByRole("tab", { name: /MCP/ }).click();
  await panel.getByRole("searchbox").fill("picked");
  await branch.getByText("2 of 4").waitFor();
  await branch.getByRole("checkbox", { name: "picked" }).check();
  await branch.getByText("all 4, also later ones").waitFor();
  await page.keyboard.press("Control+Enter");
  await expect.poll(async () => (await toolsOf(secret, "picked")).names).toHaveLength(4);
  expect(complaints).toEqual([]);
  await context.close();
});

test("a server whose new tools are accepted is not said to give nothing, although nobody has asked it", async () => {
  const attributes = { name: "open", url: await sandboxUrl(), newTools: "accept" };
  const made = await admin.call("POST", "/mcp-servers", { data: { type: "mcp-server", attributes } });
  expect(made.status).toBe(201);
  const { page, context, go } = await visit(browser);
  await go("/mcp");
  await rowOf(page, "open").getByText("whatever it offers").waitFor();
  await context.close();
});

test("calls are seen in the logs with what came of them and who decided, and in usage by tool", async () => {
  await makeServer("seen");
  const mcp = { enabled: true, mode: "allow-list", servers: ["seen"], tools: { seen: ["add", "fail"] } };
  const key = await admin.createKey(credentials.projectId, { name: "of a server that is seen", mcp });
  for (const [name, status] of [
    ["add", 200],
    ["fail", 200],
    ["echo", 403],
  ] as const) {
    const asked = () => ask(key.secret, "seen", "tools/call", { name, arguments: { a: 1, b: 2 } });
    await expect.poll(async () => (await asked()).status).toBe(status);
  }
  const { page, context, complaints, go } = await visit(browser);
  await go(`/logs?key=${key.id}&surface=mcp`);
  const row = (tool: string) =>
    page
      .getByRole("row")
      .filter({ hasText: `seen/${tool}` })
      .first();
  await row("echo").getByText("403 mcp_tool_not_allowed").waitFor();
  await row("fail").getByRole("button").click();
  const drawer = page.getByRole("dialog");
  await drawer.getByText("the tool failed").waitFor();
  await drawer.getByText("tools/call").first().waitFor();
  await drawer.getByText("Decided by revision").waitFor();
  expect(await violationsOf(page)).toEqual([]);
  await go("/usage?by=model&provider=mcp&show=requests&range=1h");
  await page
    .getByRole("combobox", { name: /Group by/ })
    .getByText("MCP tool")
    .waitFor();
  await page.getByRole("row").filter({ hasText: "seen/add" }).first().waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("deleting a server says whose keys that concerns, and where it is refused by now", async () => {
  await makeServer("doomed");
  const mcp = { enabled: true, mode: "allow-list", servers: ["doomed"] };
  const key = await admin.createKey(credentials.projectId, { name: "of a doomed server", mcp });
  const status = async () => (await toolsOf(key.secret, "doomed")).status;
  await expect.poll(status).toBe(200);
  const { page, context, complaints, go } = await visit(browser);
  await go("/mcp");
  await act(page, "doomed", "Disable");
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/active API keys? may use it now/).waitFor();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await closeSheet(page);
  await rowOf(page, "doomed").getByText("Disabled").waitFor();
  expect(await status()).not.toBe(200);
  await act(page, "doomed", "Enable");
  await closeSheet(page);
  await expect.poll(status).toBe(200);
  await act(page, "doomed", "Delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await closeSheet(page);
  expect(await status()).not.toBe(200);
  expect(await rowOf(page, "doomed").count()).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

test("no page or dialog of MCP has anything that axe finds at 375 px, or scrolls sideways", async () => {
  await makeServer("narrow");
  const { page, context, complaints, go } = await visit(browser, { width: 375 });
  const found: string[] = [];
  const look = async (name: string) => {
    found.push(...(await violationsOf(page)).map((violation) => `${name}: ${violation}`));
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) found.push(`${name}: ${over} px too wide`);
  };
  await go("/mcp");
  await rowOf(page, "narrow").waitFor();
  await look("servers");
  await page.getByRole("button", { name: "narrow", exact: true }).click();
  await page.getByRole("dialog").getByText("count_words").waitFor();
  await look("tools");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Add MCP server" }).click();
  await page.getByRole("dialog").getByText("Headers", { exact: true }).click();
  await look("form");
  await go("/keys/new?name=Narrow");
  await page.getByRole("tab", { name: /MCP/ }).click();
  await page.getByRole("checkbox", { name: /MCP Enabled/ }).check();
  await page.getByRole("button", { name: "Tools of narrow" }).click();
  await look("picker");
  expect([...found, ...complaints]).toEqual([]);
  await context.close();
});
