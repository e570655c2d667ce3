/** UX.md §2, points 12 to 15 and 17, on a stack of its own: what the pages say while a gateway is away, and with many keys. */

import { setTimeout as delay } from "node:timers/promises";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyKeys } from "../support/copy-keys.ts";
import { raiseAlarms, recordLosses } from "../support/raise-alarms.ts";
import { startWorld, useKey, type World } from "../support/world.ts";
import { violationsOf } from "./axe.ts";
import { act, createByKeyboard, launch, type Place, rowOf, visit } from "./visitor.ts";

let browser: Browser;
let world: World;
let place: Place;

beforeAll(async () => {
  [browser, world] = await Promise.all([launch(), startWorld()]);
  place = { url: world.stack.urls.controlPlane, credentials: world.credentials };
});
afterAll(async () => {
  await Promise.all([browser?.close(), world?.stack.stop()]);
});

test("12: a revoke's ticks arrive gateway by gateway through the live stream, without a reload or a poll", async () => {
  const { page, context, go } = await visit(browser, { place });
  await go("/keys");
  const secret = await createByKeyboard(page, "Quick end");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Done" }).click();
  await act(page, "Quick end", "Revoke");
  const asked: Request[] = [];
  page.on("request", (request) => asked.push(request));
  // While one gateway stands still the change cannot be over when its answer comes: the second tick has to be brought.
  const late = world.stack.child("gateway-us-1");
  late.kill("SIGSTOP");
  try {
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("Refused by 1 of 2 gateways").waitFor();
  } finally {
    late.kill("SIGCONT");
  }
  await page.getByText("Refused by all 2 gateways").waitFor();
  expect(await page.locator(".gate .axis").allTextContents()).toHaveLength(2);
  const following = asked.filter((request) => request.url().includes("/api/v1/operations/"));
  expect(new Set(following.map((request) => request.resourceType()))).toEqual(new Set(["eventsource"]));
  expect(asked.filter((request) => request.isNavigationRequest())).toEqual([]);
  for (const { url } of world.gateways) expect((await useKey(url, { secret })).status).toBe(401);
  await context.close();
});

test("13, 14: while a gateway is away it is named, nothing is said to be done everywhere, and its return is seen live", async () => {
  const { page, context, go } = await visit(browser, { place });
  const key = await world.admin.createKey(world.projectId, { name: "Half gone", maxStalenessSeconds: 600 });
  await go("/keys");
  await rowOf(page, "Half gone").getByText("2/2").waitFor();
  const away = world.stack.child("gateway-us-1");
  await away.stop();
  await act(page, "Half gone", "Revoke");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("Refused by 1 of 2 gateways").waitFor();
  const sheet = page.getByRole("dialog");
  await sheet
    .getByText(/Refused everywhere by \d\d:\d\d:\d\d at the latest, whatever happens to us-1/)
    .waitFor();
  await sheet.getByText(/refuses by \d\d:\d\d:\d\d \(in \d+ min\)/).waitFor();
  await sheet.getByText("Unreachable").waitFor();
  expect(await sheet.textContent()).not.toMatch(/Refused by all|Refused on every/);
  expect((await useKey(world.gateways[0]?.url ?? "", key)).status).toBe(401);
  await sheet.getByRole("button", { name: "Close" }).last().click();
  const propagation = rowOf(page, "Half gone").locator(".gw");
  await expect.poll(() => propagation.textContent()).toContain("Applying 1/2");
  await propagation.hover();
  await page.getByText("us-1 will apply it on reconnect.").waitFor();
  await page.getByRole("link", { name: "Gateways: 1 of 2 live" }).click();
  const card = page.getByRole("article", { name: "us-1" });
  await card.getByText("Down").waitFor();
  await card.getByText(/No heartbeat since \d\d:\d\d:\d\d\. It refuses each key/).waitFor();
  await away.start();
  await card.getByText("Healthy").waitFor();
  await go("/keys");
  await expect.poll(() => propagation.textContent()).toBe("2/2");
  await context.close();
});

test("14: every state of a gateway is defined, with what it holds and what to do", async () => {
  const { page, context, go } = await visit(browser, { place });
  await go("/gateways");
  const meanings = page.getByRole("region", { name: "What the states mean" });
  for (const word of ["Healthy", "Degraded", "Down", "Never connected"])
    await meanings.getByText(word).waitFor();
  const card = page.getByRole("article", { name: "eu-1" });
  await card.getByText("Nothing to do.").waitFor();
  await card.getByText(/^Revision, of \d+$/).waitFor();
  await context.close();
});

test("14: a gateway's alarms, its draining and what a database has lost are said in words, with what to do", async () => {
  const { page, context, go, complaints } = await visit(browser, { place });
  await go("/gateways");
  const alarms = page.getByRole("region", { name: "Alarms" });
  const card = page.getByRole("article", { name: "eu-1" });
  await card.getByText(/^-?\d+ ± \d+ ms$/).waitFor();
  expect(await alarms.count()).toBe(0);
  const { postgres } = world.stack.urls;
  await Promise.all([raiseAlarms(postgres, "eu-1"), recordLosses(postgres)]);
  const drain = `${place.url}/api/v1/gateways/${await gatewayIdOf("eu-1")}/drain`;
  const headers = { authorization: `Bearer ${place.credentials.adminToken}` };
  expect((await fetch(drain, { method: "POST", headers })).status).toBeLessThan(300);
  await go("/gateways");
  for (const said of [
    "The join token of eu-1 was used more often than it allows",
    "Two processes claim to be eu-1",
    /^2 times, first \d+ \w+, \d\d:\d\d:\d\d, last \d+ \w+, \d\d:\d\d:\d\d$/,
    "eu-1 started with damaged state on its disk",
    "The database has forgotten changes that were confirmed",
    "Usage of 12 requests is lost with a database",
  ])
    await alarms.getByText(said).waitFor();
  await card
    .getByText(/^Draining since \d+ \w+, \d\d:\d\d:\d\d: it takes no new requests, and none/)
    .waitFor();
  expect(await violationsOf(page)).toEqual([]);
  for (const width of [320, 375, 900, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  }
  expect((await fetch(drain, { method: "DELETE", headers })).status).toBeLessThan(300);
  await card.getByText("Nothing to do.").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("a gateway is drained and resumed from its row, and its card says so", async () => {
  const { page, context, go } = await visit(browser, { place });
  const act = async (item: string) => {
    await page.getByRole("button", { name: "More actions for us-1" }).first().click();
    await page.getByRole("menuitem", { name: item }).click();
    await page.getByRole("dialog").getByRole("button", { name: item }).click();
  };
  const key = await world.admin.createKey(world.projectId, { name: "Drained past" });
  const statusAt = async (name: string) =>
    (await useKey(world.gateways.find((one) => one.name === name)?.url ?? "", key)).status;
  await go("/gateways");
  const card = page.getByRole("article", { name: "us-1" });
  try {
    await act("Drain");
    await card.getByText(/^Draining since/).waitFor();
    await expect.poll(() => statusAt("us-1")).toBe(503);
    expect(await statusAt("eu-1")).toBe(200);
  } finally {
    await act("Resume");
  }
  await card.getByText("Nothing to do.").waitFor();
  await expect.poll(() => statusAt("us-1")).toBe(200);
  await context.close();
});

test("15: when live updates stop the page says so within 20 s, keeps its rows, and goes on where it was, no row twice", async () => {
  const { page, context, go } = await visit(browser, { place });
  await world.admin.createKey(world.projectId, { name: "Before the silence" });
  await go("/keys?q=the+silence");
  await rowOf(page, "Before the silence").waitFor();
  await page.locator("[data-live=live]").waitFor();
  const streams: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/v1/events")) streams.push(new URL(request.url()).search);
  });
  const controlPlane = world.stack.child("control-plane");
  controlPlane.kill("SIGSTOP");
  try {
    await page.getByText(/Live updates paused – reconnecting, last update \d\d:\d\d:\d\d/).waitFor();
    expect(await rowOf(page, "Before the silence").count()).toBe(1);
  } finally {
    controlPlane.kill("SIGCONT");
  }
  await page.locator(".stale").waitFor({ state: "detached" });
  expect(streams.at(-1)).toMatch(/^\?after=\d+\.\d+$/);
  await world.admin.createKey(world.projectId, { name: "After the silence" });
  await rowOf(page, "After the silence").waitFor();
  expect(await page.locator("td.c-name").allTextContents()).toEqual([
    "After the silence",
    "Before the silence",
  ]);
  await context.close();
});

test("15: while it is told what happens the page polls nothing", async () => {
  const { page, context, go } = await visit(browser, { place });
  await go("/keys?q=told+and");
  await page.getByText("No key matches").waitFor();
  await page.locator("[data-live=live]").waitFor();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  // What the tests before moved may still be told; whoever polls asks every few seconds, and never leaves this long a pause.
  const pauses = async () => {
    asked.length = 0;
    await delay(7_000);
    return asked.filter((path) => /gateways|api-keys/.test(path));
  };
  await expect.poll(pauses, { timeout: 60_000 }).toEqual([]);
  await world.admin.createKey(world.projectId, { name: "told and shown" });
  await rowOf(page, "told and shown").waitFor();
  await context.close();
});

test("17: of 10 000 keys the page asks for one page at a time, once per filter, and shows under 60 rows", async () => {
  await copyKeys(world.stack.urls.postgres, 10_000);
  const { page, context, go } = await visit(browser, { place });
  await go("/settings/appearance");
  await page.getByRole("radiogroup", { name: "Theme" }).waitFor();
  const lists = listsOf(page);
  // The rows wait for nothing but their own answer.
  const release = await hold(page, /\/api\/v1\/(gateways|members|projects)\b/);
  await page.locator('a[href="/dashboard/keys"]:not(.brand)').click();
  await page.getByText(/1–50 of 10,0\d\d/).waitFor();
  release();
  expect(lists.untilAnswer("")).toHaveLength(1);
  expect(await page.locator("tbody tr").count()).toBeLessThan(60);

  await page.getByRole("searchbox").focus();
  await page.keyboard.insertText("Copy 7777");
  await page.getByText("1–1 of 1", { exact: true }).waitFor();
  expect(await page.locator("td.c-name").allTextContents()).toEqual(["Copy 7777"]);
  expect(lists.untilAnswer("Copy 7777")).toHaveLength(1);

  await page.getByRole("searchbox").fill("Copy 77");
  await page.getByText("1–50 of 111", { exact: true }).waitFor();
  const names = await page.locator("td.c-name").allTextContents();
  expect(names.filter((name) => !name.startsWith("Copy 77"))).toEqual([]);
  expect(names).toHaveLength(50);
  expect(lists.untilAnswer("Copy 77")).toHaveLength(1);

  await page.getByRole("searchbox").fill("");
  await page.getByText(/1–50 of 10/).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText(/51–100 of/).waitFor();
  expect(await page.locator("tbody tr").count()).toBeLessThan(60);
  await page.getByRole("button", { name: "Previous" }).click();
  await page.getByText(/1–50 of/).waitFor();
  expect(lists.sizes()).toEqual(new Set(["50"]));
  await context.close();
});

async function gatewayIdOf(name: string): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${place.credentials.adminToken}` };
  const { data } = await (await fetch(`${place.url}/api/v1/gateways`, { headers })).json();
  return data.find((gateway: { attributes: { name: string } }) => gateway.attributes.name === name)?.id;
}

/** The lists of keys that a page asks for from now on. */
function listsOf(page: Page) {
  const heard: { readonly at: URL; readonly what: "asked" | "answered" }[] = [];
  const hear = (url: string, what: "asked" | "answered") => {
    const at = new URL(url);
    if (at.pathname === "/api/v1/api-keys" && !at.searchParams.has("filter[safety]"))
      heard.push({ at, what });
  };
  page.on("request", (request) => hear(request.url(), "asked"));
  page.on("requestfinished", (request) => hear(request.url(), "answered"));
  return {
    /** What was asked for with this search until its first answer: after that the page asks again, to stay live. */
    untilAnswer(search: string): string[] {
      const of = heard.filter(({ at }) => (at.searchParams.get("filter[search]") ?? "") === search);
      const answer = of.findIndex(({ what }) => what === "answered");
      return of.slice(0, answer).map(({ at }) => at.search);
    },
    /** Every size of a page that was asked for. */
    sizes: () => new Set(heard.map(({ at }) => at.searchParams.get("page[size]"))),
  };
}

/** Keeps requests from going out until what it resolves to is called. */
async function hold(page: Page, pattern: RegExp): Promise<() => void> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await page.route(pattern, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}
