/** Every screen once, and what axe says of it: for the tests that look at all of them. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { inject } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { visit } from "./visitor.ts";

/** A key with a long name that is about to expire. */
export async function makeShownKey(): Promise<string> {
  const { url, credentials } = inject("shared");
  const name = "Invoice extraction, nightly batch for accounts payable in every region of the company";
  const expiresAt = new Date(Date.now() + 3 * 86_400_000).toISOString();
  return (
    await createAdmin(url, credentials.adminToken).createKey(credentials.projectId, { name, expiresAt })
  ).id;
}

export interface Scene {
  readonly name: string;
  readonly path: string;
  /** Shown when the page is there. */
  readonly ready: string;
  readonly next?: (page: Page) => Promise<void>;
}

const keyScenes = (keyId: string): Scene[] => [
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
  {
    name: "selected",
    path: "/keys",
    ready: "td.c-name",
    next: async (page) => {
      // Below 640 px nothing is done to many keys at once.
      const box = page.getByRole("checkbox", { name: /^Select / }).nth(1);
      if (!(await box.isVisible())) return;
      await box.click();
      await page.getByRole("region", { name: "With the selected keys" }).waitFor();
      // Over a long list the bar floats; at its end it covers no button by half.
      await page.evaluate(() => document.scrollingElement?.scrollTo(0, document.body.scrollHeight));
    },
  },
  {
    name: "ephemeral token",
    path: `/keys/${keyId}`,
    ready: ".detail-grid",
    next: async (page) => {
      await page.getByRole("button", { name: /^More actions/ }).click();
      await page.getByRole("menuitem", { name: "Ephemeral Token" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  { name: "missing key", path: "/keys/key_000000000000", ready: "[role=alert]" },
];

const peopleScenes = (): Scene[] => [
  { name: "members", path: "/members", ready: "table.data" },
  {
    name: "invite",
    path: "/members",
    ready: "table.data",
    next: async (page) => {
      await page.getByRole("button", { name: "Invite member" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "create agent",
    path: "/agents",
    ready: "h1",
    next: async (page) => {
      await page.getByRole("button", { name: "Create agent" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
];

const otherScenes = (): Scene[] => [
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
  {
    name: "project",
    path: `/projects/${inject("shared").credentials.projectId}/api-access/api-keys`,
    ready: "td.c-name",
  },
  { name: "usage", path: "/usage", ready: ".kpis, .plain-empty" },
  { name: "logs", path: "/logs", ready: ".filters" },
  { name: "audit", path: "/audit", ready: "table.data" },
  { name: "notifications", path: "/notifications", ready: "table.data, .plain-empty" },
  { name: "channels", path: "/notifications/channels", ready: "table.data, .plain-empty" },
  { name: "rules", path: "/notifications/rules", ready: "form.panel" },
  { name: "deliveries", path: "/notifications/deliveries", ready: "table.data, .plain-empty" },
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

/** Every page, dialog and state that there is, with a key to show. */
export const scenes = (keyId: string): Scene[] => [...keyScenes(keyId), ...peopleScenes(), ...otherScenes()];

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What axe finds; between the themes only colours differ, so in dark it is those that are looked at again. */
export async function violationsOf(page: Page): Promise<string[]> {
  const light = await new AxeBuilder({ page }).withTags(rules).analyze();
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  const dark = await new AxeBuilder({ page }).withRules(["color-contrast", "link-in-text-block"]).analyze();
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  return [
    ...light.violations.map(({ id, nodes }) => `light: ${id}: ${nodes[0]?.html.slice(0, 160)}`),
    ...dark.violations.map(({ id, nodes }) => `dark: ${id}: ${nodes[0]?.html.slice(0, 160)}`),
  ];
}

/** Every complaint of axe and of the browser, on every screen, in light and dark. */
export async function lookEverywhere(browser: Browser, width: number): Promise<string[]> {
  const keyId = await makeShownKey();
  const { page, context, complaints, go } = await visit(browser, { width });
  const found: string[] = [];
  for (const scene of scenes(keyId)) {
    await go(scene.path);
    await page.locator(scene.ready).first().waitFor();
    await scene.next?.(page);
    found.push(...(await violationsOf(page)).map((violation) => `${scene.name}: ${violation}`));
  }
  await context.close();
  return [...found, ...complaints];
}
