/** UX.md §2, point 25: what is not exact says so. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { useKey } from "../support/world.ts";
import { violationsOf } from "./axe.ts";
import { launch, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");

test("25: what is foretold or measured roughly carries ≈, and a forecast ends at the budget's cap", async () => {
  const key = await createAdmin(url, credentials.adminToken).createKey(credentials.projectId, {
    name: "Foretold",
    budgetUsd: "50",
    budgetPeriod: "monthly",
  });
  expect((await useKey(gateways["eu-1"] ?? "", key)).status).toBe(200);
  const { page, context, complaints, go } = await visit(browser);
  await go(`/keys/${key.id}`);
  const chart = page.getByRole("region", { name: "Budget, spent and forecast" }).first();
  await expect.poll(() => chart.textContent()).toMatch(/Spent\$0\.0\d+/);
  await chart.getByText(/^At this pace ≈ /).waitFor();
  await chart.getByText("Never more than $50").waitFor();
  await expect.poll(() => chart.locator(".readout").textContent()).toMatch(/Forecast≈ \$\d/);
  // In the picture nothing lies above the line of the cap.
  const [cap, ahead] = await Promise.all([
    chart.locator(".cap").evaluate((line) => Number(line.getAttribute("y1"))),
    chart.locator(".ahead").evaluate((line) => (line.getAttribute("d") ?? "").match(/ [\d.]+/g) ?? []),
  ]);
  expect(Math.min(...ahead.map(Number))).toBeGreaterThanOrEqual(cap);
  await chart.getByRole("button", { name: "Table" }).click();
  await chart.getByRole("columnheader", { name: "Forecast" }).waitFor();
  expect(await violationsOf(page)).toEqual([]);
  await go("/usage");
  await page
    .locator(".kpis dd")
    .filter({ hasText: /^≈\d.* \/ ≈\d/ })
    .first()
    .waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});
