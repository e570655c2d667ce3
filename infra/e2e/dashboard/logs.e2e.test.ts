/** Logs and UX.md §2, point 17: a tail that does not move what is read, and one request with all that happened to it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin, type MadeKey } from "../support/admin.ts";
import { useKey } from "../support/world.ts";
import { violationsOf } from "./axe.ts";
import { launch, rowOf, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");
const admin = createAdmin(url, credentials.adminToken);
const make = (name: string, attributes: object = {}) =>
  admin.createKey(credentials.projectId, { name, ...attributes });
const eu = gateways["eu-1"] ?? "";

async function use(key: MadeKey, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) expect((await useKey(eu, key)).status).toBe(200);
}

const rowsOf = (page: Page) => page.getByRole("region", { name: "Logs" }).locator("tbody tr");

/** Down to where rows are read, or up again. */
const scroll = (page: Page, top: number) => page.evaluate((to) => window.scrollTo(0, to), top);

test("17: a live tail brings rows without being asked; to somebody who reads further down, or has paused it, it says how many wait and moves nothing", async () => {
  const key = await make("Of a tail");
  await use(key, 30);
  const { page, context, complaints, go } = await visit(browser);
  await go(`/logs?key=${key.id}&live=on`);
  await expect.poll(() => rowsOf(page).count()).toBe(30);
  await use(key, 2);
  await expect.poll(() => rowsOf(page).count()).toBe(32);

  await scroll(page, 400);
  const seen = rowsOf(page).nth(15);
  const [text, top] = [await seen.textContent(), (await seen.boundingBox())?.y];
  await use(key, 3);
  const pill = page.getByRole("button", { name: "3 new" });
  await pill.waitFor();
  expect([await seen.textContent(), (await seen.boundingBox())?.y]).toEqual([text, top]);
  expect(await rowsOf(page).count()).toBe(32);
  await pill.click();
  await expect.poll(() => rowsOf(page).count()).toBe(35);
  expect(await page.evaluate(() => window.scrollY)).toBe(0);
  expect(await pill.count()).toBe(0);

  await page.getByRole("button", { name: "Pause" }).click();
  await use(key, 1);
  await page.getByRole("button", { name: "1 new" }).waitFor();
  expect(await rowsOf(page).count()).toBe(35);
  expect(await violationsOf(page)).toEqual([]);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect.poll(() => rowsOf(page).count()).toBe(36);
  expect(complaints).toEqual([]);
  await context.close();
});

test("17: keys that are made while somebody reads further down wait in a pill, on top they come by themselves", async () => {
  for (let n = 0; n < 30; n += 1) await make(`Standing still ${n}`);
  const { page, context, go } = await visit(browser);
  await go("/keys?q=Standing+still");
  await page.getByText("1–30 of 30", { exact: true }).waitFor();
  await make("Standing still, at once");
  await rowOf(page, "Standing still, at once").waitFor();
  await scroll(page, 500);
  const row = rowOf(page, "Standing still 12");
  const top = (await row.boundingBox())?.y;
  await Promise.all([make("Standing still, later"), make("Standing still, last")]);
  const pill = page.getByRole("button", { name: "2 new" });
  await pill.waitFor();
  expect((await row.boundingBox())?.y).toBe(top);
  expect(await rowOf(page, "Standing still, later").count()).toBe(0);
  await pill.click();
  await rowOf(page, "Standing still, later").waitFor();
  await rowOf(page, "Standing still, last").waitFor();
  await context.close();
});

test("16: a request's detail is in the address: a link opens it, with every station it passed; Back closes it", async () => {
  const key = await make("Looked into", { requestsPerMinute: 1 });
  await use(key, 1);
  expect((await useKey(eu, key)).status).toBe(429);
  const { page, context, complaints, go } = await visit(browser);
  await go(`/logs?key=${key.id}`);
  await expect.poll(() => rowsOf(page).count()).toBe(2);
  await rowsOf(page).filter({ hasText: "200" }).getByRole("button").click();
  await page.waitForURL(/open=req_/);
  const happened = page.getByRole("dialog").getByRole("region", { name: "What happened" });
  await happened.getByText("Provider, attempt 1").waitFor();
  expect(await happened.locator("li").count()).toBe(5);
  expect(await happened.locator("li.failed").count()).toBe(0);
  await page.reload();
  await happened.getByText("Provider, attempt 1").waitFor();
  expect(await violationsOf(page)).toEqual([]);
  await page.getByRole("button", { name: "Copy as curl" }).click();
  const curl = await page.evaluate(() => navigator.clipboard.readText());
  expect(curl).toContain(`curl ${eu}/v1/chat/completions`);
  expect(curl).toContain("$CLAVIGER_API_KEY");
  await page.keyboard.press("Escape");
  await page.waitForURL((at) => !at.search.includes("open="));
  await page.goBack();
  await happened.waitFor();
  await page.goBack();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await rowsOf(page).filter({ hasText: "429" }).getByRole("button").click();
  await happened.locator("li.failed").getByText("rate_limit_exceeded").waitFor();
  expect(await happened.locator("li.skipped").count()).toBe(2);
  await go("/logs?open=req_000000000000");
  await page.getByText("No gateway that answered has this request in its log.").waitFor();
  await go(`/logs?key=${key.id}&code=nonsense`);
  await page.getByText(`Filters: API key “${key.id}”, Answer “nonsense”.`).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.waitForURL((at) => at.search === "");
  expect(complaints).toEqual([]);
  await context.close();
});
