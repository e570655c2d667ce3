/** Every screen once (`infra/screenshots/scenes.ts`), and what axe says of it: for the tests that look at all of them. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { inject } from "vitest";
import { type Scene, scenes, type Visitor } from "../../screenshots/scenes.ts";
import { createAdmin } from "../support/admin.ts";
import { nobody } from "./nobody.ts";
import { type Place, type Visit, visit } from "./visitor.ts";

/** A key with a long name that is about to expire. */
export async function makeShownKey(): Promise<string> {
  const { url, credentials } = inject("shared");
  const name = "Invoice extraction, nightly batch for accounts payable in every region of the company";
  const expiresAt = new Date(Date.now() + 3 * 86_400_000).toISOString();
  return (
    await createAdmin(url, credentials.adminToken).createKey(credentials.projectId, { name, expiresAt })
  ).id;
}

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

/** Every scene that changes nothing and needs no more than the shared stack. */
export async function scenesHere(): Promise<readonly Scene[]> {
  const { projectId } = inject("shared").credentials;
  const all = scenes({ keyId: await makeShownKey(), projectId });
  return all.filter(({ as, changes }) => as !== "many" && changes !== true);
}

const PASSWORD = "a password of a guest";

async function makeViewer(): Promise<Place> {
  const { url, credentials } = inject("shared");
  const email = `looks-${Math.random().toString(36).slice(2)}@people.example.com`;
  const attributes = { email, name: "Looks Around", role: "viewer", password: PASSWORD };
  await createAdmin(url, credentials.adminToken).call("POST", "/members", {
    data: { type: "member", attributes },
  });
  return { url, credentials: { ...credentials, adminEmail: email, adminPassword: PASSWORD } };
}

/** Takes every scene's visitor there, one page for each of them. Resolves with what browsers complained of. */
export async function goEverywhere(
  browser: Browser,
  options: {
    readonly width: number;
    readonly prepare?: (page: Page) => Promise<void>;
    /** False: no further than the page, for who finds nothing there by its words. */
    readonly walk?: boolean;
  },
  look: (page: Page, scene: Scene) => Promise<void>,
): Promise<string[]> {
  const visits = new Map<Visitor, Visit>();
  for (const scene of await scenesHere()) {
    const as = scene.as ?? "owner";
    const known = visits.get(as) ?? (await visitAs(browser, as, options.width));
    if (!visits.has(as)) await options.prepare?.(known.page);
    visits.set(as, known);
    const { page, go } = known;
    await page.setViewportSize({ width: options.width, height: 900 });
    await go(scene.path);
    await page.locator(scene.ready).first().waitFor();
    if (options.walk !== false) await scene.next?.(page);
    await look(page, scene);
  }
  const complaints = [...visits.values()].flatMap((one) => [...one.complaints]);
  await Promise.all([...visits.values()].map(({ context }) => context.close()));
  return complaints;
}

async function visitAs(browser: Browser, as: Visitor, width: number): Promise<Visit> {
  if (as === "stranger") return visit(browser, { width, signedIn: false });
  if (as === "viewer") return visit(browser, { width, place: await makeViewer() });
  if (as === "nobody") return visit(browser, { width, place: await nobody(`Nothing at ${width}`) });
  return visit(browser, { width });
}

/** Every complaint of axe and of the browser, on every screen, in light and dark. */
export async function lookEverywhere(browser: Browser, width: number): Promise<string[]> {
  const found: string[] = [];
  const complaints = await goEverywhere(browser, { width }, async (page, { name }) => {
    found.push(...(await violationsOf(page)).map((violation) => `${name}: ${violation}`));
  });
  return [...found, ...complaints];
}
