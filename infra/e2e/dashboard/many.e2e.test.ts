/** UX.md §2, points 18 to 20: many keys at once, keys worth a second look, and views that are kept. */
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { useKey } from "../support/world.ts";
import { launch, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");
const admin = createAdmin(url, credentials.adminToken);
const make = (name: string, attributes: object = {}) =>
  admin.createKey(credentials.projectId, { name, ...attributes });
const bar = (page: Page) => page.getByRole("region", { name: "With the selected keys" });
const statusOf = async (id: string) => {
  const { json } = await admin.call("GET", `/api-keys/${id}`);
  return (json as { data: { attributes: { status: string } } }).data.attributes.status;
};

test("18: a range and the keyboard choose keys; one verb goes over all, says what became of each and where, and is one entry of the audit", async () => {
  const keys = [await make("Flock 1"), await make("Flock 2"), await make("Flock 3"), await make("Flock 4")];
  const [first, second] = keys;
  await admin.change("POST", `/api-keys/${second?.id}/revoke`);
  const { page, context, complaints, go } = await visit(browser);
  await go("/keys?q=Flock&sort=name");
  await page.getByRole("checkbox", { name: "Select Flock 1" }).click();
  await page.getByRole("checkbox", { name: "Select Flock 3" }).click({ modifiers: ["Shift"] });
  await bar(page).getByText("3 keys selected").waitFor();
  await page.getByRole("link", { name: "Flock 3" }).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await bar(page).getByText("4 keys selected").waitFor();
  await page.keyboard.press("x");
  await bar(page).getByText("3 keys selected").waitFor();
  await bar(page).getByRole("button", { name: "Deactivate" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Deactivate" }).click();
  await dialog.getByText("3 of 3 done").waitFor();
  await dialog.getByText("2 changed · 1 refused").waitFor();
  await dialog.getByText("A revoked key cannot be deactivated.").waitFor();
  await admin.change("POST", `/api-keys/${second?.id}/activate`);
  await dialog.getByRole("button", { name: "Retry the refused" }).click();
  await dialog.getByText("3 changed", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "See the gateways" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  await page.getByRole("button", { name: "Close" }).last().click();
  await expect.poll(() => bar(page).count()).toBe(0);
  expect(await Promise.all(keys.map(({ id }) => statusOf(id)))).toEqual([
    "inactive",
    "inactive",
    "inactive",
    "active",
  ]);
  expect((await useKey(gateways["eu-1"] ?? "", first ?? { secret: "" })).status).toBe(401);
  expect(complaints).toEqual([]);
  await context.close();
});

test("18: all that match, also those on other pages, get a limit and a tag, are exported as the filtered set, and deleted by who types how many", async () => {
  const many = 53;
  await Promise.all(Array.from({ length: many }, (_, n) => make(`Herd ${n}`)));
  await make("Not of the group");
  const { page, context, go } = await visit(browser);
  await go("/keys?q=Herd");
  const all = async (verb: string, item?: string) => {
    await page.getByRole("checkbox", { name: "Select all on this page" }).click();
    await bar(page)
      .getByRole("button", { name: `Select all ${many} matching` })
      .click();
    await bar(page).getByText(`All ${many} matching`).waitFor();
    await bar(page).getByRole("button", { name: verb }).click();
    if (item !== undefined) await page.getByRole("menuitem", { name: item }).click();
  };
  const finish = async () => {
    await page.getByRole("dialog").getByText(`${many} of ${many} done`).waitFor();
    await page.getByRole("dialog").getByText(`${many} changed`, { exact: true }).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
  };
  await all("Change", "Set limit");
  await page.getByLabel("Budget ($)").fill("25");
  await page.getByRole("dialog").getByRole("button", { name: "Set limit" }).click();
  await finish();
  await all("Change", "Tag");
  await page.getByRole("dialog").getByLabel("Name").fill("team");
  await page.getByRole("dialog").getByLabel("Value").fill("herders");
  await page.getByRole("dialog").getByRole("button", { name: "Tag" }).click();
  await finish();
  const { json } = await admin.call("GET", "/api-keys?filter[search]=Herd&page[size]=200");
  const { data } = json as { data: { attributes: Record<string, unknown> }[] };
  expect(data.filter(({ attributes }) => attributes.budgetUsd === "25")).toHaveLength(many);
  expect(data.every(({ attributes }) => JSON.stringify(attributes.metadata) === '{"team":"herders"}')).toBe(
    true,
  );

  await page.getByRole("button", { name: "Export" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "CSV" }).click(),
  ]);
  const rows = readFileSync(await file.path(), "utf8").split("\r\n");
  expect(rows).toHaveLength(many + 1);
  expect(rows.slice(1).every((row) => row.includes("Herd"))).toBe(true);

  await all("Delete");
  const remove = page.getByRole("dialog").getByRole("button", { name: "Delete" });
  expect(await remove.isDisabled()).toBe(true);
  await page.getByLabel("Number of keys").fill(String(many));
  await remove.click();
  await finish();
  await page.getByText("No key matches").waitFor();
  await context.close();
});

test("19: the safety cards count keys worth a second look and open the list of them", async () => {
  await make("Endless and free");
  await make("Bounded", {
    budgetUsd: "5",
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    allowedModels: ["echo"],
  });
  const { page, context, go } = await visit(browser);
  await go("/keys");
  const cards = page.getByRole("navigation", { name: "Safety checks" });
  for (const name of ["No budget", "Never expires", "Idle 90+ days", "Too permissive"]) {
    await cards.getByText(name, { exact: true }).waitFor();
  }
  const card = cards.getByRole("link", { name: /No budget/ });
  const { json } = await admin.call("GET", "/api-keys?filter[safety]=no-budget&page[size]=1");
  const { total } = (json as { meta: { total: number } }).meta;
  expect(await card.locator(".n").getAttribute("title")).toBe(total.toLocaleString("en-US"));
  await card.click();
  await page.waitForURL(/safety=no-budget/);
  await page.getByRole("searchbox").fill("Endless and free");
  await page.getByText("1–1 of 1", { exact: true }).waitFor();
  await page.getByRole("searchbox").fill("Bounded");
  await page.getByText("No key matches").waitFor();
  await context.close();
});

test("20: a view is saved for oneself or shared, opens what it kept, and goes when it is deleted", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys?status=revoked&sort=name");
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("menuitem", { name: "Save this view" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Revoked by name");
  await page.getByRole("dialog").getByText("Everybody in the organization sees it.").click();
  await page.getByRole("dialog").getByRole("button", { name: "Save this view" }).click();
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);

  const email = "views@example.com";
  const attributes = { email, name: "Viola", role: "viewer", password: "a password of a viewer" };
  await admin.call("POST", "/members", { data: { type: "member", attributes } });
  const place = {
    url,
    credentials: { ...credentials, adminEmail: email, adminPassword: attributes.password },
  };
  const other = await visit(browser, { place });
  await other.go("/keys");
  await other.page.getByRole("button", { name: "Views" }).click();
  await other.page.getByRole("menuitem", { name: "Revoked by name" }).click();
  await other.page.waitForURL(/status=revoked&sort=name|sort=name&status=revoked/);
  await other.context.close();

  await go("/keys");
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("menuitem", { name: "Manage views" }).click();
  await page.getByRole("button", { name: "Delete the view Revoked by name" }).click();
  await page.getByText("No saved views yet").waitFor();
  await context.close();
});
