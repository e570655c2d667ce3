/** UX.md §2, points 8 to 10, 16 and 23: what can be done with a key, and finding it again. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { useKey } from "../support/world.ts";
import { violationsOf } from "./axe.ts";
import { act, launch, rowOf, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");
const admin = createAdmin(url, credentials.adminToken);
const make = (name: string, attributes: object = {}) =>
  admin.createKey(credentials.projectId, { name, ...attributes });

const statusAt = (gateway: string, secret: string) =>
  useKey(gateways[gateway] ?? "", { secret }).then((answer) => answer.status);

test("signing in and out: the wrong password is told apart from nothing, the right one opens the page that was wanted", async () => {
  const { page, context, complaints, go } = await visit(browser, { signedIn: false });
  await go("/gateways");
  await page.getByLabel("E-mail").fill(credentials.adminEmail);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill(credentials.adminPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Gateways", level: 1 }).waitFor();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("8: a rotation offers its graces, keeps the id, and End now ends the old secret on both gateways", async () => {
  const key = await make("To rotate");
  const { page, context, go } = await visit(browser);
  await go(`/keys/${key.id}`);
  await page.getByRole("button", { name: "Rotate Key" }).click();
  const choices = page.getByRole("radiogroup", { name: "The old secret stops" });
  expect(await choices.getByRole("radio").count()).toBe(4);
  expect(await choices.getByLabel("immediately").isChecked()).toBe(true);
  await choices.getByText("in 1 h").click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate Key" }).click();
  await page.getByText("The old secret goes on working until").waitFor();
  const secret = (await page.locator(".secret code").textContent()) ?? "";
  expect(secret.slice(9, 21)).toBe(key.id.slice(4));
  await page.locator("#copy-secret").click();
  await page.getByRole("button", { name: "Done" }).click();
  expect(await statusAt("eu-1", key.secret)).toBe(200);
  await page.getByRole("button", { name: "End now" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  expect(await Promise.all(["eu-1", "us-1"].map((gateway) => statusAt(gateway, key.secret)))).toEqual([
    401, 401,
  ]);
  expect(await Promise.all(["eu-1", "us-1"].map((gateway) => statusAt(gateway, secret)))).toEqual([200, 200]);
  await context.close();
});

test("9: deleting names the key and its owner, and asks for the name of one that is in use", async () => {
  const idle = await make("Idle one");
  const busy = await make("Busy one");
  expect(await statusAt("eu-1", busy.secret)).toBe(200);
  const { page, context, go } = await visit(browser);
  await go("/keys?q=one");
  await act(page, "Idle one", "Delete");
  const dialog = page.getByRole("dialog");
  await dialog
    .getByText("Are you sure you want to delete ‘Idle one’? This action cannot be undone.")
    .waitFor();
  await dialog.getByText("Owner: Admin").waitFor();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  await page.getByRole("button", { name: "Close" }).last().click();
  await expect.poll(() => rowOf(page, "Idle one").count()).toBe(0);
  expect(await statusAt("us-1", idle.secret)).toBe(401);
  // The gateways report the use within seconds.
  await rowOf(page, "Busy one").getByText("now", { exact: true }).waitFor();
  await act(page, "Busy one", "Delete");
  expect(await dialog.getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
  await dialog.getByLabel("Name of the key").fill("Busy one");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  await context.close();
});

test("10: a status is a word and an icon, and only what fits it is offered", async () => {
  const key = await make("Ups and downs");
  const { page, context, go } = await visit(browser);
  await go("/keys?q=Ups");
  const status = rowOf(page, "Ups and downs").locator(".st");
  const offered = async () => {
    await page.getByRole("button", { name: "More actions for Ups and downs" }).click();
    const items = await page.getByRole("menuitem").allTextContents();
    await page.keyboard.press("Escape");
    return items;
  };
  expect(await offered()).toEqual([
    "Open",
    "Copy key ID",
    "Edit",
    "Rotate Key",
    "Ephemeral Token",
    "Deactivate",
    "Revoke",
    "Delete",
  ]);
  const through = [
    ["Deactivate", "Inactive", 401],
    ["Activate", "Active", 200],
    ["Revoke", "Revoked", 401],
    ["Activate", "Active", 200],
  ] as const;
  for (const [verb, word, answer] of through) {
    await act(page, "Ups and downs", verb);
    await page.getByRole("dialog").getByRole("button", { name: verb }).click();
    await page.getByText(/by all 2 gateways/).waitFor();
    await page.getByRole("button", { name: "Close" }).last().click();
    await expect.poll(() => status.textContent()).toBe(word);
    expect(await status.locator("svg").count()).toBe(1);
    expect(await statusAt("eu-1", key.secret)).toBe(answer);
  }
  await context.close();
});

test("16: filters, search, sort and page are the address; a reload and Back restore them, what is unknown is named", async () => {
  await make("Findable alpha");
  await make("Findable beta");
  const { page, context, go } = await visit(browser);
  await go("/keys");
  await page.getByRole("searchbox").fill("Findable");
  await page.waitForURL(/q=Findable/);
  await page.getByRole("button", { name: "Name", exact: true }).click();
  await page.waitForURL(/sort=name/);
  const names = () => page.locator("td.c-name").allTextContents();
  await expect.poll(names).toEqual(["Findable alpha", "Findable beta"]);
  await page.reload();
  await expect.poll(names).toEqual(["Findable alpha", "Findable beta"]);
  expect(await page.getByRole("searchbox").inputValue()).toBe("Findable");
  await page.goBack();
  await page.waitForURL((at) => !at.search.includes("sort"));
  await go("/keys?status=purple&q=Findable");
  await page.getByText("left out: status").waitFor();
  await page.getByRole("searchbox").fill("nothing at all");
  await page.getByText("No key matches").waitFor();
  await page.getByText("“nothing at all”").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.waitForURL((at) => at.search === "");
  await context.close();
});

test("23: a session that ends in the middle of a form loses nothing", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys/new");
  await page.getByLabel("Key Name").fill("Long thought");
  await context.clearCookies();
  await page.keyboard.press("Control+Enter");
  await signInAgain(page);
  await expect.poll(() => page.getByLabel("Key Name").inputValue()).toBe("Long thought");
  expect(page.url()).toContain("/keys/new");
  await context.close();
});

async function signInAgain(page: Page): Promise<void> {
  await page.getByText("Your session has ended.").waitFor();
  await page.getByLabel("E-mail").fill(credentials.adminEmail);
  await page.getByLabel("Password").fill(credentials.adminPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("23: an error says its cause, the next step and the request id; somebody else's edit is not overwritten", async () => {
  const key = await make("Contended");
  const { page, context, go } = await visit(browser);
  await go("/keys/key_000000000000");
  const alert = page.getByRole("alert");
  await alert.getByText("There is no such API key.").waitFor();
  await alert.getByText(/^req_/).waitFor();
  await go(`/keys/${key.id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Requests/min").fill("5");
  const attributes = { name: "Contended, by another", budgetUsd: "12" };
  const body = { data: { type: "api-key", attributes } };
  expect((await admin.call("PATCH", `/api-keys/${key.id}`, body)).status).toBe(200);
  await page.getByRole("button", { name: "Save changes" }).click();
  const clash = page.getByRole("alert", { name: "Changed meanwhile" });
  await clash.getByText(/^.+ saved first\. What they changed is in force/).waitFor();
  await expect.poll(() => clash.textContent()).not.toContain("Somebody else");
  const rows = async () =>
    Promise.all(
      (await clash.locator("tbody tr").all()).map((row) => row.locator("th, td").allTextContents()),
    );
  expect(await rows()).toEqual([
    ["Name", "Contended", "Contended, by another", "not touched"],
    ["Requests/min", "–", "–", "5"],
    ["Budget ($)", "–", "12", "not touched"],
    ["Budget period", "–", "total", "not touched"],
  ]);
  expect(await violationsOf(page)).toEqual([]);
  expect(await page.getByLabel("Requests/min").inputValue()).toBe("5");
  // Saved once more, knowing what they did: only what was touched goes over it.
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("Held by all 2 gateways").waitFor();
  const { json } = await admin.call("GET", `/api-keys/${key.id}`);
  expect((json as { data: { attributes: object } }).data.attributes).toMatchObject({
    ...attributes,
    requestsPerMinute: 5,
  });
  await context.close();
});

test("a viewer sees everything and is offered no change", async () => {
  const key = await make("Looked at");
  const member = {
    email: "viewer@example.com",
    name: "Vera",
    role: "viewer",
    password: "a password of a viewer",
  };
  await admin.call("POST", "/members", { data: { type: "member", attributes: member } });
  const viewer = { ...credentials, adminEmail: member.email, adminPassword: member.password };
  const { page, context, complaints, go } = await visit(browser, { place: { url, credentials: viewer } });
  await go("/keys?q=Looked");
  await page.getByRole("button", { name: "More actions for Looked at" }).click();
  expect(await page.getByRole("menuitem").allTextContents()).toEqual(["Open", "Copy key ID"]);
  await page.keyboard.press("Escape");
  for (const path of [
    "/keys",
    `/keys/${key.id}`,
    "/gateways",
    "/llm-keys",
    "/projects",
    "/agents",
    "/members",
    "/models",
  ]) {
    await go(path);
    await page.locator("h1").waitFor();
    const changing = page.getByRole("button", { name: /^(Create |Add |Attach|Edit|Rotate|Delete|Invite)/ });
    expect(`${path} ${await changing.count()}`).toBe(`${path} 0`);
  }
  await go("/keys/new");
  await page.getByText("This needs the role Member; you are Viewer.").waitFor();
  await page.getByText(/It can be given under Members by .*Admin \(Owner\)/).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});
