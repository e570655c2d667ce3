/** Models: what they cost here, the organization's own prices and names, and whether a provider lets the gateways in. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { useKey } from "../support/world.ts";
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

/** Closes what shows, gateway by gateway, what has become of a change; not before it does, or the form were closed. */
const closeSheet = async (page: Page) => {
  await page.getByRole("dialog").getByText(`all ${gatewayCount} gateways`).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last().click();
};

const createLlmKey = async (attributes: object) => {
  const path = `/projects/${credentials.projectId}/llm-api-keys`;
  const made = await admin.call("POST", path, { data: { type: "llm-api-key", attributes } });
  expect(made.status).toBe(201);
};

test("a price of one's own is set, confirmed by every gateway, shown, and taken back; unpriced is said and never $0", async () => {
  await createLlmKey({ provider: "groq", secretKey: "gsk", name: "priced", customModels: ["house/one"] });
  const { page, context, complaints, go } = await visit(browser);
  await go("/models");
  await page.getByLabel("Search models by provider and name").fill("house/one");
  const row = page.getByRole("row").filter({ hasText: "house/one" });
  await row.getByText("Unpriced").waitFor();
  expect(await row.textContent()).not.toContain("$0");
  await act(page, "groq/house/one", "Set price");
  await page.getByLabel("Input", { exact: false }).first().fill("1e9");
  await page.getByRole("button", { name: "Set price" }).click();
  await page.getByText(/must be a decimal string/).waitFor();
  await page.getByLabel("Input", { exact: false }).first().fill("0.075");
  await page.getByLabel("Output", { exact: false }).first().fill("1.5");
  await page.getByRole("button", { name: "Set price" }).click();
  await page.getByText(`Held by all ${gatewayCount} gateways`).waitFor();
  await closeSheet(page);
  await row.getByText("Your price").waitFor();
  await row.getByText("$0.075").waitFor();
  await act(page, "groq/house/one", "Use the catalogue’s price");
  await page.getByRole("dialog").getByRole("button", { name: "Use the catalogue’s price" }).click();
  // A price that is gone is waited for like any other.
  await page.getByText(`Held by all ${gatewayCount} gateways`).waitFor();
  await closeSheet(page);
  await row.getByText("Unpriced").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("the catalogue is filtered by provider and by what is served, in an address that can be passed on", async () => {
  const { page, context, go } = await visit(browser);
  await go("/models?provider=sandbox");
  await page.getByRole("cell", { name: "echo", exact: true }).waitFor();
  expect(await page.getByRole("row").count()).toBe(4);
  expect(await violationsOf(page)).toEqual([]);
  await page.getByRole("combobox", { name: /^Show/ }).click();
  await page.getByRole("option", { name: "Unpriced" }).click();
  await page.getByText("No model fits").waitFor();
  expect(page.url()).toContain("show=unpriced");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByText(/^1–50 of /).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText(/^51–100 of /).waitFor();
  await context.close();
});

test("an alias is made, answered by the gateways, changed and deleted", async () => {
  const key = await admin.createKey(credentials.projectId, { name: "of aliases" });
  const ask = async () => (await useKey(eu, key, "quick-one")).status;
  const { page, context, complaints, go } = await visit(browser);
  await go("/models/aliases");
  await page.getByRole("button", { name: "Add alias" }).click();
  await page.getByLabel("Name", { exact: true }).fill("quick/one");
  await page.getByLabel(/^Models, in the order/).fill("sandbox/echo,nowhere/x,");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("must not hold a slash").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("quick-one");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(/nowhere is neither a provider/).waitFor();
  await page.getByRole("button", { name: "Remove nowhere/x" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await closeSheet(page);
  await page.getByRole("cell", { name: "quick-one", exact: true }).waitFor();
  await expect.poll(ask, { timeout: 30_000 }).toBe(200);
  await act(page, "quick-one", "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await closeSheet(page);
  await expect.poll(ask, { timeout: 30_000 }).toBe(404);
  expect(complaints).toEqual([]);
  await context.close();
});

test("an LLM key's connection is tested gateway by gateway, and deleting it says whose keys that breaks", async () => {
  await createLlmKey({
    provider: "sandbox",
    secretKey: "bad-secret",
    name: "barred",
    customModels: ["only-here"],
  });
  const { page, context, complaints, go } = await visit(browser);
  await go("/llm-keys");
  await act(page, "barred", "Test connection");
  const dialog = page.getByRole("dialog");
  await expect.poll(() => dialog.getByText("The provider refuses the secret").count()).toBe(gatewayCount);
  expect(await dialog.getByText("HTTP 401").count()).toBe(gatewayCount);
  expect(await violationsOf(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Done" }).click();
  await act(page, "barred", "Delete");
  await dialog.getByText(/can use a model that no other LLM key serves/).waitFor();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await closeSheet(page);
  expect(complaints).toEqual([]);
  await context.close();
});

test("no page or dialog of models has anything that axe finds at 375 px, or scrolls sideways", async () => {
  const { page, context, complaints, go } = await visit(browser, { width: 375 });
  const found: string[] = [];
  const look = async (name: string) => {
    found.push(...(await violationsOf(page)).map((violation) => `${name}: ${violation}`));
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) found.push(`${name}: ${over} px too wide`);
  };
  await go("/models?provider=sandbox");
  await page.getByRole("cell", { name: "echo", exact: true }).waitFor();
  await look("catalogue");
  await act(page, "sandbox/echo", "Set price");
  await page.getByRole("dialog").waitFor();
  await look("price");
  await go("/models/aliases");
  await page.getByRole("button", { name: "Add alias" }).click();
  await page.getByRole("dialog").waitFor();
  await look("alias");
  expect([...found, ...complaints]).toEqual([]);
  await context.close();
});
