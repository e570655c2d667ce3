/** One build, one browser program and one running stack for all browser tests. */
import { resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { buildDashboard } from "../../local/build-dashboard.ts";
import { findChromium } from "../../local/chromium.ts";
import { startStack } from "../../testing/stack.ts";
import "./context.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => console.log(line);
  project.provide("chromium", findChromium(process.env.PATH ?? "", say));
  await buildDashboard(resolve(import.meta.dirname, "../../.."), say);
  const { credentials, urls, stop } = await startStack();
  if (credentials === null) throw new Error("the browser tests need the demo's organization");
  project.provide("shared", { url: urls.controlPlane, credentials, gateways: urls.gateways });
  return stop;
}
