/** `npm run screenshots [-- NAME …]`: every page of the dashboard in light, dark and at 375 px, into docs/screenshots. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Place, signIn } from "../e2e/support/sign-in.ts";
import { buildDashboard } from "../local/build-dashboard.ts";
import { chromiumFlags, findChromium } from "../local/chromium.ts";
import type { Credentials } from "../local/types.ts";
import { startStack } from "../testing/stack.ts";
import { type Scene, scenes } from "./scenes.ts";
import { tell } from "./story.ts";
import { toWebp } from "./webp.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const OUT = resolve(ROOT, "docs/screenshots");

interface Look {
  readonly name: string;
  readonly theme: "light" | "dark";
  readonly width: number;
  readonly height: number;
}

const looks: readonly Look[] = [
  { name: "light", theme: "light", width: 1440, height: 900 },
  { name: "dark", theme: "dark", width: 1440, height: 900 },
  { name: "375", theme: "light", width: 375, height: 812 },
];

const only = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

/** An organization that has nothing, for the pages that say so. */
async function emptyPlace({ url, credentials }: Place): Promise<Place> {
  const attributes = {
    name: "Portus",
    adminEmail: "first@portus.example",
    adminPassword: "a password for the pictures",
  };
  const answer = await fetch(`${url}/api/v1/organizations`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${credentials.operatorToken}`,
      "content-type": "application/vnd.api+json",
    },
    body: JSON.stringify({ data: { type: "organization", attributes } }),
  });
  if (answer.status !== 201) throw new Error(`making an organization answered ${answer.status}`);
  const { adminEmail, adminPassword } = attributes;
  return { url, credentials: { ...credentials, adminEmail, adminPassword } };
}

async function open(browser: Browser, place: Place, look: Look): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    deviceScaleFactor: look.width < 640 ? 2 : 1,
    colorScheme: look.theme,
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(20_000);
  await context.addCookies([await signIn(place)]);
  return context.newPage();
}

async function shoot(page: Page, url: string, scene: Scene): Promise<Buffer> {
  await page.goto(`${url}/dashboard${scene.path}`);
  await page.locator(scene.ready).first().waitFor();
  await scene.next?.(page);
  // Charts and lists that come after the page's own: what is asked for is there when nothing is asked any more.
  await page.waitForTimeout(700);
  return page.screenshot();
}

async function shootAll(browser: Browser, place: Place, list: readonly Scene[]): Promise<void> {
  const encoder = await (await browser.newContext()).newPage();
  const nobody = await emptyPlace(place);
  for (const look of looks) {
    const pages = { full: await open(browser, place, look), empty: await open(browser, nobody, look) };
    for (const scene of list) {
      const page = scene.empty === true ? pages.empty : pages.full;
      try {
        const webp = await toWebp(encoder, await shoot(page, place.url, scene));
        writeFileSync(resolve(OUT, `${scene.name}-${look.name}.webp`), webp);
      } catch (error) {
        process.exitCode = 1;
        say(`FAIL ${scene.name}-${look.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    await Promise.all(Object.values(pages).map((page) => page.context().close()));
    say(`${list.length} pictures in ${look.name}`);
  }
}

const executablePath = findChromium(process.env.PATH ?? "", say);
await buildDashboard(ROOT, say);
const stack = await startStack();
const browser = await chromium.launch({ executablePath, args: [...chromiumFlags] });
try {
  const place: Place = {
    url: stack.urls.controlPlane,
    credentials: stack.credentials as Credentials,
  };
  const { keyId } = await tell(place, Object.values(stack.urls.gateways));
  const all = scenes(keyId, place.credentials.projectId);
  const list = only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
  if (only.length === 0) rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  await shootAll(browser, place, list);
} finally {
  await browser.close();
  await stack.stop();
}
