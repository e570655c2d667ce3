/** Usage: real requests through the gateways, and the page's figures, charts, tables and file against the API's. */
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import * as z from "zod";
import { createAdmin, type MadeKey } from "../support/admin.ts";
import { violationsOf } from "./axe.ts";
import { launch, visit } from "./visitor.ts";

const UsageRows = z.object({
  data: z.array(
    z.object({
      attributes: z.looseObject({
        names: z.record(z.string(), z.string()),
        requests: z.number(),
        retries: z.number(),
        errors: z.number(),
        outputTokens: z.number(),
        spentUsd: z.string(),
      }),
    }),
  ),
});

/** Tells this file's traffic from that of the others, which share its stack. */
const SUITE = `usage-${Date.now().toString(36)}`;
const NAMES = { busy: `Busy ${SUITE}`, quiet: `Quiet ${SUITE}` };
const SENT = { busy: 7, quiet: 2, failing: 2 };

let browser: Browser;
let keys: Record<keyof typeof NAMES, MadeKey>;

const admin = () => createAdmin(inject("shared").url, inject("shared").credentials.adminToken);

beforeAll(async () => {
  const { credentials, gateways } = inject("shared");
  browser = await launch();
  const make = (name: string) =>
    admin().createKey(credentials.projectId, { name, metadata: { suite: SUITE } });
  keys = { busy: await make(NAMES.busy), quiet: await make(NAMES.quiet) };
  const urls = Object.values(gateways);
  for (let n = 0; n < SENT.busy; n++) await send(urls[n % urls.length] ?? "", keys.busy, {});
  for (let n = 0; n < SENT.quiet; n++) await send(urls[n % urls.length] ?? "", keys.quiet, {});
  for (let n = 0; n < SENT.failing; n++) await send(urls[0] ?? "", keys.busy, { status: 500 });
  const sent = SENT.busy + SENT.quiet + SENT.failing;
  await vi.waitFor(async () => expect((await figures(""))[0]?.requests).toBe(sent), {
    timeout: 60_000,
    interval: 250,
  });
});
afterAll(async () => {
  await browser?.close();
});

async function send(url: string, key: MadeKey, steering: object): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key.secret}`,
      "content-type": "application/json",
      "x-sandbox": JSON.stringify(steering),
    },
    body: JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "Hello to you" }] }),
  });
  await answer.text();
}

/** The API's figures of this file's traffic. */
async function figures(query: string) {
  const { json } = await admin().call("GET", `/usage?filter[metadata.suite]=${SUITE}${query}`);
  return UsageRows.parse(json).data.map(({ attributes }) => attributes);
}

/** Opens the page with this file's traffic only. */
async function open(page: Page, go: (path: string) => Promise<void>, rest = ""): Promise<void> {
  await go(`/usage?tag=${encodeURIComponent(`suite=${SUITE}`)}${rest}`);
  await page.locator(".kpis").waitFor();
}

const kpi = (page: Page, name: string) =>
  page
    .locator(".kpis > div")
    .filter({ has: page.getByText(name, { exact: true }) })
    .locator("dd")
    .first();

/** Dollars as the page shows them. */
const shownAs = (usd: string) => new RegExp(`^\\$${usd.slice(0, 6).replace(".", "\\.")}`);

test("25, 26: what goes through the gateways stands in the figures, the table and the chart's twin, as the API counts it", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await open(page, go);
  const [[all], rows] = [await figures(""), await figures("&groupBy=key&sort=-spentUsd")];
  if (all === undefined) throw new Error("no figures");
  expect(all.errors).toBe(SENT.failing + all.retries);
  expect(Number(all.spentUsd)).toBeGreaterThan(0);
  await expect.poll(() => kpi(page, "Requests").textContent()).toBe(String(all.requests));
  expect(await kpi(page, "Cost").textContent()).toMatch(shownAs(all.spentUsd));
  expect(await kpi(page, "Errors").textContent()).toBe(
    `${((all.errors / (all.requests + all.retries)) * 100).toFixed(1)} %`,
  );
  const table = page.getByRole("region", { name: "Usage by key" });
  for (const row of rows) {
    const shown = table.getByRole("row").filter({ hasText: row.names.key ?? "" });
    expect(await shown.getByRole("cell").nth(1).textContent()).toMatch(shownAs(row.spentUsd));
    expect(await shown.getByRole("cell").nth(3).textContent()).toBe(String(row.requests));
  }
  const chart = page.getByRole("region", { name: "Cost per day, by key" });
  expect(await chart.locator("rect:not(.band)").count()).toBe(2);
  await chart.getByRole("button", { name: "Table" }).click();
  const today = chart.locator("tbody tr");
  expect(await today.count()).toBe(1);
  for (const [n, row] of rows.entries()) {
    expect(await today.locator("td").nth(n).textContent()).toMatch(shownAs(row.spentUsd));
  }
  expect(await today.locator("td").last().textContent()).toMatch(shownAs(all.spentUsd));
  expect(complaints).toEqual([]);
  await context.close();
});

test("grouped, narrowed and sorted: the address holds it, a reload restores it", async () => {
  const { page, context, go } = await visit(browser);
  await open(page, go, "&by=gateway&show=requests");
  const gateways = page.getByRole("region", { name: "Usage by gateway" });
  await gateways.getByRole("row").nth(1).waitFor();
  const byGateway = await figures("&groupBy=gateway&sort=-requests");
  expect(await gateways.locator("tbody tr").count()).toBe(byGateway.length);
  expect(await gateways.locator("tbody tr").first().textContent()).toContain(byGateway[0]?.names.gateway);
  await gateways.getByRole("button", { name: `Show only ${byGateway[0]?.names.gateway}` }).click();
  const keysTable = page.getByRole("region", { name: "Usage by key" });
  await keysTable.getByRole("link", { name: NAMES.busy }).waitFor();
  const narrowed = await figures(`&filter[gateway]=${byGateway[0]?.names.gateway}`);
  await expect.poll(() => kpi(page, "Requests").textContent()).toBe(String(narrowed[0]?.requests));
  await keysTable.getByRole("button", { name: "Tokens" }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get("sort")).toBe("-tokens");
  await page.reload();
  await expect.poll(() => kpi(page, "Requests").textContent()).toBe(String(narrowed[0]?.requests));
  expect(await page.locator("th[aria-sort]").textContent()).toBe("Tokens");
  await page.getByPlaceholder("Key name").fill(NAMES.quiet);
  await expect.poll(() => keysTable.locator("tbody tr").count()).toBe(1);
  await page.getByPlaceholder("Key name").fill("nobody has this name");
  await page.getByText("Nothing matches these filters").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.locator(".kpis").waitFor();
  expect(new URL(page.url()).searchParams.has("tag")).toBe(false);
  await context.close();
});

test("26: a chart is read by keyboard: the arrow keys move along it and its read-out says where and what", async () => {
  const { page, context, go } = await visit(browser);
  await open(page, go, "&show=requests&range=7d");
  const chart = page.getByRole("region", { name: "Requests per day, by key" });
  const readout = chart.locator(".readout");
  await expect.poll(() => readout.textContent()).toMatch(/^Total11/);
  await chart.getByRole("group").focus();
  await page.keyboard.press("Home");
  const week = new Date(Date.now() - 6 * 86_400_000).toUTCString().slice(0, 3);
  await expect.poll(() => readout.textContent()).toMatch(new RegExp(`^${week}.*0`));
  await page.keyboard.press("End");
  await expect.poll(() => readout.locator("dd").first().textContent()).toBe("11");
  await context.close();
});

test("the requests of one key are its history, and the file holds what the API's file holds", async () => {
  const { page, context, go } = await visit(browser);
  await open(page, go, `&key=${keys.quiet.id}`);
  const history = page.getByRole("region", { name: "Request history" }).first();
  await expect.poll(() => history.locator("tbody tr").count()).toBe(SENT.quiet);
  await history
    .getByRole("button", { name: /^.* Open request req_/ })
    .first()
    .click();
  await page.getByRole("dialog").getByText(keys.quiet.id).waitFor();
  await page.keyboard.press("Escape");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV" }).click(),
  ]);
  const file = readFileSync(await download.path(), "utf8").split("\r\n");
  expect(file[0]).toMatch(/^at,key,keyName,requests,/);
  expect(file[1]).toContain(`,${keys.quiet.id},${NAMES.quiet},${SENT.quiet},0,0,`);
  expect(file).toHaveLength(3);
  await context.close();
});

test("axe finds nothing: charts at full width, their tables and all filters on a narrow screen, light and dark", async () => {
  const found: string[] = [];
  for (const width of [1440, 375]) {
    const { page, context, go } = await visit(browser, { width });
    await open(page, go);
    await page.locator(".use-t").waitFor();
    const tables = page.getByRole("button", { name: "Table", exact: true });
    for (let n = width === 375 ? await tables.count() : 0; n > 0; n--) await tables.first().click();
    found.push(...(await violationsOf(page)));
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    await context.close();
  }
  expect(found).toEqual([]);
});
