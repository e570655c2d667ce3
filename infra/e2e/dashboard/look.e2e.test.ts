/** UX.md §2, points 27 to 30: everybody can use it, on every screen, in both themes, from one origin. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { act, launch, visit } from "./visitor.ts";

let browser: Browser;
let keyId = "";
const { url, credentials } = inject("shared");

beforeAll(async () => {
  browser = await launch();
  const admin = createAdmin(url, credentials.adminToken);
  const name = "Invoice extraction, nightly batch for accounts payable in every region of the company";
  keyId = (await admin.createKey(credentials.projectId, { name, expiresAt: soon() })).id;
});
afterAll(() => browser.close());

const soon = () => new Date(Date.now() + 3 * 86_400_000).toISOString();

interface Scene {
  readonly name: string;
  readonly path: string;
  /** Shown when the page is there. */
  readonly ready: string;
  readonly next?: (page: Page) => Promise<void>;
}

const keyScenes = (): Scene[] => [
  { name: "keys", path: "/keys", ready: "td.c-name" },
  { name: "no match", path: "/keys?q=nothing+like+this", ready: ".plain-empty" },
  { name: "create", path: "/keys/new", ready: "#key-name" },
  {
    name: "create with errors",
    path: "/keys/new?ips=10.0.0.300",
    ready: "#key-name",
    next: async (page) => {
      await page.keyboard.press("Control+Enter");
      await page.getByText("Give the key a name").waitFor();
      await page.getByRole("tab", { name: /Advanced/ }).click();
    },
  },
  { name: "key", path: `/keys/${keyId}`, ready: ".detail-grid" },
  {
    name: "revoke",
    path: `/keys/${keyId}`,
    ready: ".detail-grid",
    next: async (page) => {
      await page.getByRole("button", { name: /^More actions/ }).click();
      await page.getByRole("menuitem", { name: "Revoke" }).click();
      await page.getByText("Requests that are running").waitFor();
    },
  },
  { name: "missing key", path: "/keys/key_000000000000", ready: "[role=alert]" },
];

const otherScenes: readonly Scene[] = [
  { name: "gateways", path: "/gateways", ready: ".gcard" },
  {
    name: "attach",
    path: "/gateways",
    ready: ".gcard",
    next: async (page) => {
      await page.getByRole("button", { name: "Attach gateway" }).click();
      await page.getByLabel("Region").waitFor();
    },
  },
  { name: "LLM keys", path: "/llm-keys", ready: "table.data" },
  { name: "projects", path: "/projects", ready: "table.data" },
  { name: "project", path: `/projects/${credentials.projectId}/api-access/api-keys`, ready: "td.c-name" },
  { name: "logs", path: "/logs", ready: ".filters" },
  { name: "audit", path: "/audit", ready: "table.data" },
  { name: "sessions", path: "/settings/sessions", ready: "table.data" },
  { name: "tokens", path: "/settings/tokens", ready: "table.data" },
  { name: "appearance", path: "/settings/appearance", ready: ".seg" },
  {
    name: "palette",
    path: "/keys",
    ready: "td.c-name",
    next: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("option").first().waitFor();
    },
  },
  {
    name: "help",
    path: "/keys",
    ready: "td.c-name",
    next: async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
    },
  },
  { name: "unknown page", path: "/no/such/page", ready: ".plain-empty" },
];

const scenes = () => [...keyScenes(), ...otherScenes];

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What axe finds; between the themes only colours differ, so in dark it is those that are looked at again. */
async function violationsOf(page: Page): Promise<string[]> {
  const light = await new AxeBuilder({ page }).withTags(rules).analyze();
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  const dark = await new AxeBuilder({ page }).withRules(["color-contrast", "link-in-text-block"]).analyze();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  return [
    ...light.violations.map(({ id, nodes }) => `light: ${id}: ${nodes[0]?.html.slice(0, 160)}`),
    ...dark.violations.map(({ id, nodes }) => `dark: ${id}: ${nodes[0]?.html.slice(0, 160)}`),
  ];
}

test.each([1440, 375])(
  "27: axe finds nothing on any page or dialog in light and dark at %i px",
  async (width) => {
    const { page, context, complaints, go } = await visit(browser, { width });
    const found: string[] = [];
    for (const scene of scenes()) {
      await go(scene.path);
      await page.locator(scene.ready).first().waitFor();
      await scene.next?.(page);
      found.push(...(await violationsOf(page)).map((violation) => `${scene.name}: ${violation}`));
    }
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  },
  120_000,
);

test("27: signing in passes axe too, in light and dark", async () => {
  for (const theme of ["light", "dark"] as const) {
    const { page, context, go } = await visit(browser, { theme, signedIn: false });
    await go("/keys");
    await page.getByLabel("E-mail").waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
    await context.close();
  }
});

test("28: no page or dialog scrolls sideways from 320 to 1440 px", async () => {
  const { page, context, go } = await visit(browser);
  const found: string[] = [];
  for (const { name, path, ready, next } of scenes()) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await go(path);
    await page.locator(ready).first().waitFor();
    await next?.(page);
    for (const width of [320, 375, 640, 900, 1180, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.push(`${name} at ${width}: ${over} px too wide`);
    }
  }
  expect(found).toEqual([]);
  await context.close();
}, 60_000);

test("29: the theme is set before the first paint, kept, and the policy lets nothing else in", async () => {
  const { page, context, complaints, go } = await visit(browser, { theme: "light" });
  await go("/settings/appearance");
  await page.getByRole("radiogroup", { name: "Theme" }).getByText("Dark").click();
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(15, 13, 15)");
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.body === null) return;
      observer.disconnect();
      Object.assign(globalThis, { themeAtBody: document.documentElement.dataset.theme });
    }).observe(document, { childList: true, subtree: true });
  });
  await page.reload();
  await page.getByRole("radiogroup", { name: "Theme" }).waitFor();
  expect(await page.evaluate(() => Reflect.get(globalThis, "themeAtBody"))).toBe("dark");
  expect(complaints).toEqual([]);
  await context.close();
});

test("29: the faces are the bundled ones", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  await page.locator("td.c-name").first().waitFor();
  const loaded = await page.evaluate(async () => {
    await document.fonts.ready;
    return [...document.fonts].filter(({ status }) => status === "loaded").map(({ family }) => family);
  });
  expect(new Set(loaded.map((family) => family.replaceAll('"', "")))).toEqual(
    new Set(["Inter Variable", "JetBrains Mono Variable"]),
  );
  await context.close();
});

test("30: Ctrl+K finds pages, keys by name and ID, gateways and actions; ? lists the shortcuts, g k goes", async () => {
  const { page, context, go } = await visit(browser);
  await go("/gateways");
  await page.locator(".gcard").first().waitFor();
  const find = async (text: string) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill(text);
    await page.getByRole("option", { selected: true }).waitFor();
  };
  await find("Invoice extraction");
  await page.getByRole("option", { name: /Invoice extraction/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/keys/${keyId}`);
  await find("eu-1");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/gateways");
  await find(keyId);
  await page.getByRole("option", { name: /Invoice extraction/ }).click();
  await page.waitForURL(`**/keys/${keyId}`);
  await find("Create key");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/keys/new");
  await page.keyboard.press("Escape");
  await page.waitForURL("**/keys");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await page.waitForURL("**/audit");
  await context.close();
});

test("30: the first route needs at most 280 kB of JavaScript, gzipped", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  await page.locator("td.c-name").first().waitFor();
  const bytes = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith(".js"))
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
  );
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(280_000);
  await context.close();
});

test("27: with reduced motion nothing moves", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  await page.locator("td.c-name").first().waitFor();
  await act(page, "Demo key", "Rotate Key");
  await page.getByRole("dialog").waitFor();
  expect(
    await page.evaluate(
      () => document.getAnimations().filter(({ playState }) => playState === "running").length,
    ),
  ).toBe(0);
  await context.close();
});
