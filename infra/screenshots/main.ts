/** `npm run screenshots [-- NAME …]`: every page of the dashboard in light, dark and at 375 px, into docs/screenshots. */
import { mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { chromium } from "playwright-core";
import { copyKeys } from "../e2e/support/copy-keys.ts";
import type { Place } from "../e2e/support/sign-in.ts";
import { buildDashboard } from "../local/build-dashboard.ts";
import { chromiumFlags, findChromium } from "../local/chromium.ts";
import type { Credentials } from "../local/types.ts";
import { startStack } from "../testing/stack.ts";
import { scenes } from "./scenes.ts";
import { shootAll } from "./shoot.ts";
import { tell } from "./story.ts";
import { findPlaces } from "./visitors.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const OUT = resolve(ROOT, "docs/screenshots");
const ROWS = 1_000;

const only = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

const executablePath = findChromium(process.env.PATH ?? "", say);
await buildDashboard(ROOT, say);
const stack = await startStack();
const browser = await chromium.launch({ executablePath, args: [...chromiumFlags] });
try {
  const place: Place = { url: stack.urls.controlPlane, credentials: stack.credentials as Credentials };
  const { keyId } = await tell(place, Object.values(stack.urls.gateways));
  const places = await findPlaces(place);
  const all = scenes({ keyId, projectId: place.credentials.projectId });
  const list = only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
  if (only.length === 0) rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const shoot = (part: typeof list) => shootAll({ browser, places, scenes: part, into: OUT, say });
  let failed = await shoot(list.filter(({ as, changes }) => as !== "many" && changes !== true));
  failed += await shoot(list.filter(({ changes }) => changes === true));
  const many = list.filter(({ as }) => as === "many");
  if (many.length > 0) await copyKeys(stack.urls.postgres, ROWS);
  failed += await shoot(many);
  if (failed > 0) process.exitCode = 1;
} finally {
  await browser.close();
  await stack.stop();
}
