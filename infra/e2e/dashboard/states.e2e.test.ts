/** UX.md §2, points 21, 22 and 24 to 27: what pages say at once and not before, to whoever has nothing, of money and of time. */
import type { Browser, Page, Route } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { useKey } from "../support/world.ts";
import { violationsOf } from "./axe.ts";
import { nobody } from "./nobody.ts";
import { act, launch, rowOf, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");
const admin = createAdmin(url, credentials.adminToken);
const make = (name: string, attributes: object = {}) =>
  admin.createKey(credentials.projectId, { name, ...attributes });

const refusal = (status: number, code: string, detail: string) => (route: Route) =>
  route.fulfill({
    status,
    headers: { "content-type": "application/vnd.api+json", "x-request-id": "req_000000000001" },
    body: JSON.stringify({
      errors: [{ id: "req_000000000001", status: String(status), code, title: detail, detail }],
    }),
  });

test("22: whoever has nothing yet is told what there will be, with at most one thing to do, and no empty table", async () => {
  const place = await nobody("Nothing yet");
  const { page, context, complaints, go } = await visit(browser, { place });
  const found: string[] = [];
  for (const path of [
    "/keys",
    "/llm-keys",
    "/agents",
    "/gateways",
    "/logs",
    "/audit",
    "/usage",
    "/settings/tokens",
  ]) {
    await go(path);
    await page.locator(".empty, .plain-empty").first().waitFor();
    expect(`${path} ${await page.locator("tbody tr").count()}`).toBe(`${path} 0`);
    expect(await page.locator("main .btn-primary").count()).toBeLessThan(3);
    if (["/keys", "/gateways", "/agents", "/usage"].includes(path)) {
      found.push(...(await violationsOf(page)).map((violation) => `${path} empty: ${violation}`));
    }
  }
  expect(found).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});

test("21: an activation is shown at once and taken back with its reason; what stops a key is never shown before it has", async () => {
  const key = await make("Shown at once");
  await admin.change("POST", `/api-keys/${key.id}/deactivate`);
  const { page, context, go } = await visit(browser);
  await go("/keys?q=Shown+at+once");
  // By its place and not by its role: behind a dialog the list is hidden from those.
  const status = page.locator("tr").filter({ hasText: "Shown at once" }).locator(".c-status .st");
  const hold = async (verb: string, answer: (route: Route) => Promise<void>) => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    await page.route(`**/api/v1/api-keys/${key.id}/${verb}`, async (route) => {
      await released;
      await answer(route);
    });
    return release;
  };
  const conflict = refusal(409, "state_conflict", "The project of this key is disabled.");
  const refuse = await hold("activate", conflict);
  await act(page, "Shown at once", "Activate");
  await page.getByRole("dialog").getByRole("button", { name: "Activate" }).click();
  await expect.poll(() => status.textContent()).toBe("Active");
  refuse();
  await page.getByRole("dialog").getByText("The project of this key is disabled.").waitFor();
  await expect.poll(() => status.textContent()).toBe("Inactive");
  await page.keyboard.press("Escape");

  await admin.change("POST", `/api-keys/${key.id}/activate`);
  await expect.poll(() => status.textContent()).toBe("Active");
  const goOn = await hold("deactivate", (route) => route.continue());
  await act(page, "Shown at once", "Deactivate");
  const button = page.getByRole("dialog").getByRole("button", { name: "Deactivate" });
  await button.click();
  await expect.poll(() => button.isDisabled()).toBe(true);
  expect(await status.textContent()).toBe("Active");
  goOn();
  await page.getByText("Refused by all 2 gateways").waitFor();
  await context.close();
});

test("21: a new name and new tags are shown at once and taken back with the reason; a limit is not", async () => {
  const key = await make("Named before");
  const { page, context, go } = await visit(browser);
  let heard: (route: Route) => void = () => undefined;
  await page.route(`**/api/v1/api-keys/${key.id}`, async (route) => {
    if (route.request().method() === "PATCH") heard(route);
    else await route.continue();
  });
  const next = () => {
    const { promise, resolve } = Promise.withResolvers<Route>();
    heard = resolve;
    return promise;
  };
  await go(`/keys/${key.id}`);
  const heading = page.locator("h1");
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Key Name").fill("Named after");
  let asked = next();
  await page.getByRole("button", { name: "Save changes" }).click();
  const rename = await asked;
  await expect.poll(() => heading.textContent()).toBe("Named after");
  await refusal(409, "state_conflict", "The project of this key is disabled.")(rename);
  await page.getByRole("dialog").getByText("The project of this key is disabled.").waitFor();
  await expect.poll(() => heading.textContent()).toBe("Named before");
  expect(await page.getByLabel("Key Name").inputValue()).toBe("Named after");

  await page.getByLabel("Key Name").fill("Named before");
  await page.getByRole("tab", { name: /Advanced/ }).click();
  await page.getByRole("button", { name: "Add a pair" }).click();
  await page
    .getByLabel(/^Name of pair/)
    .last()
    .fill("team");
  await page
    .getByLabel(/^Value of pair/)
    .last()
    .fill("harbour");
  asked = next();
  await page.getByRole("button", { name: "Save changes" }).click();
  const tag = await asked;
  await page.locator(".detail-grid").getByText('{"team":"harbour"}').waitFor();
  await tag.continue();
  // Names and tags decide nothing at a gateway: there is no change to follow.
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Budget ($)").fill("5");
  asked = next();
  await page.getByRole("button", { name: "Save changes" }).click();
  const limit = await asked;
  expect(await page.locator(".detail-grid").getByText("No budget").count()).toBe(1);
  await limit.continue();
  await page.locator(".detail-grid").getByText("$5 in total").waitFor();
  await context.close();
});

test("24: a toast is polite, stays while it is looked at, and is reached by F6", async () => {
  const key = await make("Toasted");
  const { page, context, go } = await visit(browser);
  await page.clock.install();
  await go(`/keys?q=Toasted`);
  const copy = async () => {
    await act(page, "Toasted", "Copy key ID");
    await page.locator(".toast").waitFor();
  };
  await copy();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key.id);
  expect(await page.locator(".toast").getByText("Key ID copied").count()).toBe(1);
  const politely = await page.evaluate(() =>
    [...document.querySelectorAll("[aria-live]")].map((one) => one.getAttribute("aria-live")),
  );
  expect(politely).toContain("polite");
  expect(politely).not.toContain("assertive");
  await page.clock.runFor(5_000);
  expect(await page.locator(".toast").count()).toBe(1);
  await page.locator(".toast").hover();
  await page.clock.runFor(20_000);
  expect(await page.locator(".toast").count()).toBe(1);
  await page.keyboard.press("F6");
  expect(await page.evaluate(() => document.activeElement?.closest(".toasts") !== null)).toBe(true);
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect.poll(() => page.locator(".toast").count()).toBe(0);
  await context.close();
});

test("26: a relative time says the exact one in local time and UTC, and how exact it is; an exact expiry names its zone", async () => {
  const key = await make("Timed", { expiresAt: new Date(Date.now() + 40 * 86_400_000).toISOString() });
  expect((await useKey(gateways["eu-1"] ?? "", key)).status).toBe(200);
  const { page, context, go } = await visit(browser);
  await go("/keys?q=Timed");
  const row = rowOf(page, "Timed");
  const used = row.locator(".c-used .now");
  await used.waitFor();
  expect(await used.getAttribute("title")).toMatch(
    /local, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; gateways report it every few seconds$/,
  );
  expect(await row.locator(".c-exp time, .c-exp [title]").first().getAttribute("title")).toMatch(/UTC/);
  await page.getByText(/what the gateways had reported at \d\d:\d\d:\d\d/).waitFor();
  await context.close();
});

test("25: money under a cent keeps its digits, and what has no price is never shown as nothing", async () => {
  const key = await make("Spends little", { budgetUsd: "0.0042" });
  const { page, context, go } = await visit(browser);
  await go(`/keys/${key.id}`);
  await page.getByText("$0.0042").first().waitFor();
  await go("/models?show=unpriced");
  await page.locator("table.data td, .plain-empty").first().waitFor();
  expect(
    await page
      .locator("table.data")
      .getByText(/^\$0(\.00)?$/)
      .count(),
  ).toBe(0);
  await context.close();
});

test("27: the whole life of a key by keyboard alone: create, copy, find, edit, rotate, revoke", async () => {
  const { page, context, complaints, go } = await visit(browser);
  const tabTo = reach(page);
  await go("/keys");
  await page.getByRole("heading", { name: "API keys" }).waitFor();
  await page.keyboard.press("c");
  await page.getByLabel("Key Name").and(page.locator(":focus")).waitFor();
  await page.keyboard.type("Hands on keys");
  await page.keyboard.press("Control+Enter");
  await page.getByText("API Key created! Copy it now").waitFor();
  await page.keyboard.press("Enter");
  await tabTo("Done");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await page.keyboard.press("/");
  await page.keyboard.type("Hands on keys");
  await page.waitForURL(/[?&]q=Hands(\+|%20)on(\+|%20)keys/);
  await page.getByText("1–1 of 1", { exact: true }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Hands on keys" }).waitFor();
  await page.keyboard.press("e");
  await page.getByLabel("Key Name").and(page.locator(":focus")).waitFor();
  await page.keyboard.press("End");
  await page.keyboard.type(", renamed");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Hands on keys, renamed" }).first().waitFor();
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await page.keyboard.press("r");
  await page.getByRole("dialog").waitFor();
  await tabTo("Rotate Key");
  await page.keyboard.press("Enter");
  await page.getByText("API Key rotated! Copy the new one now").waitFor();
  await page.keyboard.press("Enter");
  await tabTo("Done");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await tabTo(/^More actions/);
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Revoke" }).waitFor();
  for (let n = 0; n < 12; n += 1) {
    if (
      (await page.getByRole("menuitem", { name: "Revoke" }).and(page.locator("[data-highlighted]")).count()) >
      0
    )
      break;
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo("Revoke");
  await page.keyboard.press("Enter");
  await page.getByText("Refused by all 2 gateways").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

/** Goes on with Tab until a button has the focus. */
function reach(page: Page) {
  return async (name: string | RegExp) => {
    const wanted = page.getByRole("button", { name }).and(page.locator(":focus"));
    for (let n = 0; n < 60; n += 1) {
      if ((await wanted.count()) > 0) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`the keyboard does not reach ${name}`);
  };
}
