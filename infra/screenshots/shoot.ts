/** Takes the pictures: each scene in each look. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { Scene, Visitor } from "./scenes.ts";
import { type Look, looks, open, type Places } from "./visitors.ts";
import { toWebp } from "./webp.ts";

/** Charts and lists that come after the page's own. */
const SETTLE_MS = 700;

export interface Shooting {
  readonly browser: Browser;
  readonly places: Places;
  readonly scenes: readonly Scene[];
  /** A folder that exists. */
  readonly into: string;
  readonly say: (line: string) => void;
}

/** Resolves with how many pictures could not be taken; each of them is said. */
export async function shootAll(shooting: Shooting): Promise<number> {
  let failed = 0;
  for (const look of looks) failed += await shootLook(shooting, look);
  return failed;
}

async function shootLook({ browser, places, scenes, into, say }: Shooting, look: Look): Promise<number> {
  if (scenes.length === 0) return 0;
  const encoder = await (await browser.newContext()).newPage();
  const pages = new Map<Visitor, Page>();
  let failed = 0;
  for (const scene of scenes) {
    const as = scene.as ?? "owner";
    const page = pages.get(as) ?? (await open(browser, places, as, look));
    pages.set(as, page);
    try {
      const webp = await toWebp(encoder, await shoot(page, places[as].url, scene));
      writeFileSync(resolve(into, `${scene.name}-${look.name}.webp`), webp);
    } catch (error) {
      failed += 1;
      say(`FAIL ${scene.name}-${look.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await Promise.all([encoder, ...pages.values()].map((page) => page.context().close()));
  say(`${scenes.length - failed} pictures in ${look.name}`);
  return failed;
}

async function shoot(page: Page, url: string, scene: Scene): Promise<Buffer> {
  await page.goto(`${url}/dashboard${scene.path}`);
  await page.locator(scene.ready).first().waitFor();
  await scene.next?.(page);
  await page.waitForTimeout(SETTLE_MS);
  return page.screenshot();
}
