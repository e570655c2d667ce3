/** UX.md §2, points 27 to 30: everybody can use it, on every screen, in both themes, from one origin. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { goEverywhere, makeShownKey } from "./axe.ts";
import { act, launch, visit } from "./visitor.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
  await makeShownKey();
});
afterAll(() => browser.close());

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
  const found: string[] = [];
  await goEverywhere(browser, { width: 1440 }, async (page, { name }) => {
    for (const width of [320, 375, 640, 900, 1180, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.push(`${name} at ${width}: ${over} px too wide`);
    }
  });
  expect(found).toEqual([]);
});

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
    await page.locator("#palette").fill(text);
    await page.getByRole("option", { selected: true }).waitFor();
  };
  // Its name is nobody else's: the other files show keys of one name on the same stack.
  const name = "Sought by the palette";
  const { url, credentials } = inject("shared");
  const { id: soughtId } = await createAdmin(url, credentials.adminToken).createKey(credentials.projectId, {
    name,
  });
  await find(name);
  await page.getByRole("option", { name: new RegExp(name) }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/keys/${soughtId}`);
  await find("eu-1");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/gateways");
  await find(soughtId);
  await page.getByRole("option", { name: new RegExp(name) }).click();
  await page.waitForURL(`**/keys/${soughtId}`);
  await find("Create key");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/keys/new");
  await page.getByLabel("Key Name").and(page.locator(":focus")).waitFor();
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

/** What is always words and never data: heads, labels, buttons, tabs and hints. */
const WORDS =
  "th:not([scope=row]), label, dt, legend, button.btn, a.btn, [role=tab], [role=menuitem], h2, input[placeholder]";
/** Where data stands in such places: names of providers, keys and languages. */
const DATA = ".readout, .toggles, .code, .twin-t, .gate, .gcard, .results, .verdict";

/** In the page: text that is cut off without a way to read it, or that is not of the words. */
function clipped([words, data]: readonly [string, string]): string[] {
  const found: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>(words)) {
    const text = (element.getAttribute("placeholder") ?? element.textContent ?? "").trim();
    if (!/[a-z]{3}/.test(text) || text.includes("⟦") || element.closest(data) !== null) continue;
    found.push(`not of the words: ${text}`);
  }
  const seen = (element: Element) => element.getClientRects().length > 0;
  for (const element of document.querySelectorAll<HTMLElement>("body *")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const text = own
      .map((node) => node.textContent?.trim() ?? "")
      .join(" ")
      .trim();
    if (text === "" || !seen(element) || element.closest(".sr, [aria-hidden=true], code, pre") !== null)
      continue;
    // An id stands in for a name that is still being read.
    if (/^[a-z]{2,4}_\w{12}$/.test(text)) continue;
    // What ends in an ellipsis has the whole text on hover.
    if (element.closest("[title]") !== null) continue;
    const { overflowX, overflowY } = getComputedStyle(element);
    const wide = element.scrollWidth - element.clientWidth;
    const high = element.scrollHeight - element.clientHeight;
    const hides = (overflow: string) => overflow === "hidden" || overflow === "clip";
    if (element.clientWidth > 1 && hides(overflowX) && wide > 1) found.push(`cut by ${wide} px: ${text}`);
    if (element.clientHeight > 1 && hides(overflowY) && high > 2)
      found.push(`cut by ${high} px in height: ${text}`);
    const button = element.closest<HTMLElement>("button, .btn, [role=tab], th");
    if (button !== null && button.scrollWidth - button.clientWidth > 1)
      found.push(`out of its button: ${text}`);
  }
  return found;
}

test("30: with words a third longer nothing is cut off and nothing is left in English, at 1440 and 375 px", async () => {
  const found = new Set<string>();
  for (const width of [1440, 375]) {
    const prepare = async (page: Page) => {
      await page.addInitScript(() => sessionStorage.setItem("claviger.trial", "pseudo"));
    };
    await goEverywhere(browser, { width, prepare, walk: false }, async (page, { name }) => {
      for (const one of await page.evaluate(clipped, [WORDS, DATA] as const))
        found.add(`${name} at ${width}: ${one}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.add(`${name} at ${width}: ${over} px too wide`);
    });
  }
  expect([...found]).toEqual([]);
});

test("30: the largest thing of the first page is its own list, and waits for no chart", async () => {
  const { page, context, go } = await visit(browser);
  await page.addInitScript(() => {
    const painted: string[] = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) painted.push(String(Reflect.get(entry, "element")?.tagName));
    }).observe({ type: "largest-contentful-paint", buffered: true });
    Object.assign(globalThis, { painted });
  });
  await go("/keys");
  await page.locator("td.c-name").first().waitFor();
  await expect
    .poll(() => page.evaluate(() => (Reflect.get(globalThis, "painted") as string[]).length))
    .toBeGreaterThan(0);
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  expect(loaded.filter((name) => /chart|plot|usage-page/.test(name))).toEqual([]);
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
