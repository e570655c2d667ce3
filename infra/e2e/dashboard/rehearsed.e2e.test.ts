/** UX.md §2, point 22: every state of every screen, put there by the dashboard's own switch, and looked at as a picture. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { makeShownKey, violationsOf } from "./axe.ts";
import { launch, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
  await makeShownKey();
});
afterAll(() => browser.close());

const states = ["loading", "failed", "forbidden", "empty", "no match", "partial", "stale"] as const;
type State = (typeof states)[number];

/** What every screen can come to: its own answer, or none. */
const always = ["loading", "failed", "forbidden", "stale"] as const;

/**
 * Screens, and what else they can come to. Members, projects and one's own sessions are never none; only what is filtered
 * can match nothing; only what gateways are asked for can be partial.
 */
const screens: readonly (readonly [path: string, ...more: State[]])[] = [
  ["/keys", "empty", "no match"],
  ["/llm-keys", "empty"],
  ["/models", "no match"],
  ["/models/aliases", "empty"],
  ["/agents", "empty"],
  ["/projects"],
  [`/projects/${inject("shared").credentials.projectId}/api-access/llm-keys`, "empty"],
  ["/members"],
  ["/gateways", "empty", "partial"],
  ["/usage", "empty", "no match", "partial"],
  ["/logs", "empty", "no match", "partial"],
  ["/audit", "empty", "no match", "partial"],
  ["/notifications", "empty"],
  ["/notifications/channels", "empty"],
  ["/notifications/rules"],
  ["/notifications/deliveries", "empty"],
  ["/settings/sessions"],
  ["/settings/tokens", "empty"],
];

/** How a filter stands in the address. */
const filters: Readonly<Record<string, string>> = { "/logs": "?code=nonsense", "/audit": "?action=nonsense" };

const addressOf = (path: string, state: State) =>
  state === "no match" ? `${path}${filters[path] ?? "?q=nonsense"}` : path;

const switchOf = (state: State) => (state === "no match" ? "empty" : state);

/** What is there, in words, when the state is. */
const arrivals: Readonly<Record<State, (page: Page) => Promise<void>>> = {
  loading: (page) => page.locator("main").locator(".bones, [aria-busy=true]").first().waitFor(),
  failed: async (page) => {
    const alert = page.locator("main").getByRole("alert").first();
    await alert.getByText("Something of ours has failed.").waitFor();
    await alert.getByText("req_000000000001").waitFor();
    await alert.getByRole("button", { name: "Try again" }).waitFor();
  },
  forbidden: async (page) => {
    const alert = page.locator("main").getByRole("alert").first();
    await alert.getByText("This needs the role admin").waitFor();
    await alert.getByText("An owner or admin of the organization can give you that role").waitFor();
  },
  empty: async (page) => {
    await page.locator("main").locator(".empty, .plain-empty").first().waitFor();
    expect(await page.locator("main table tbody tr").count()).toBe(0);
  },
  "no match": async (page) => {
    await page
      .locator(".plain-empty")
      .getByText(/nonsense/)
      .waitFor();
    await page.getByRole("button", { name: "Clear filters" }).waitFor();
  },
  partial: (page) => page.locator("main").getByText(/us-1/).first().waitFor(),
  stale: async (page) => {
    await page.getByText(/Live updates paused – reconnecting, last update \d\d:\d\d:\d\d/).waitFor();
    await page.locator("main h1").first().waitFor();
  },
};

/** The parts where axe has different things to look at. */
const lookedAt = ["/keys", "/gateways", "/logs", "/settings/tokens"];

test("22: every state of every screen is reached by the switch, says what it has to, and is a picture of its own inside the frame", async () => {
  const { page, context, complaints, go } = await visit(browser);
  const found: string[] = [];
  await go("/settings/appearance");
  await page.getByRole("radiogroup", { name: "Theme" }).waitFor();
  for (const [path, ...more] of screens) {
    const pictures = new Map<string, string>();
    for (const state of [...always, ...more]) {
      await page.evaluate((to) => sessionStorage.setItem("claviger.trial", to), `state=${switchOf(state)}`);
      await go(addressOf(path, state));
      await arrivals[state](page);
      if (path !== "/gateways") await page.locator(".fleet").waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.push(`${path} ${state}: ${over} px too wide`);
      const picture = (await page.locator("main").screenshot()).toString("base64");
      const same = [...pictures].find(([, one]) => one === picture)?.[0];
      if (same !== undefined) found.push(`${path}: ${state} looks like ${same}`);
      // Without live updates a page shows what it has, which may be nothing.
      if (state !== "stale") pictures.set(state, picture);
      expect(await page.getByRole("navigation", { name: "Main" }).count()).toBe(1);
      if (lookedAt.includes(path) && state !== "loading") {
        found.push(...(await violationsOf(page)).map((violation) => `${path} ${state}: ${violation}`));
      }
    }
  }
  expect(found).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});

test("22: at 375 px no state is wider than the screen", async () => {
  const { page, context, go } = await visit(browser, { width: 375 });
  const found: string[] = [];
  await go("/settings/appearance");
  await page.getByRole("radiogroup", { name: "Theme" }).waitFor();
  for (const [path, ...more] of screens) {
    for (const state of ["failed", "stale", ...more] as const) {
      await page.evaluate((to) => sessionStorage.setItem("claviger.trial", to), `state=${switchOf(state)}`);
      await go(addressOf(path, state));
      await arrivals[state](page);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.push(`${path} ${state}: ${over} px too wide`);
    }
  }
  expect(found).toEqual([]);
  await context.close();
});
