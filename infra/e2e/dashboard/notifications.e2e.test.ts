/** Notifications: channels, rules, what was told and how it went out, as the administrator has them. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAdmin } from "../support/admin.ts";
import { act, launch, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials, gateways } = inject("shared");
const admin = createAdmin(url, credentials.adminToken);

/** The only address in the stack that the control plane may post to; it asks for a key. */
async function sandboxUrl(): Promise<string> {
  const { json } = await admin.call("GET", "/llm-api-keys");
  const { data } = json as { data: { attributes: { provider: string; baseUrl: string } }[] };
  return new URL(data.find(({ attributes }) => attributes.provider === "sandbox")?.attributes.baseUrl ?? "")
    .origin;
}

/** The same stack as a new member: what others have seen of it is theirs. */
async function memberPlace(name: string, role: string) {
  const member = { email: `${name.toLowerCase()}@told.example.com`, password: `a password of ${name}` };
  const attributes = { ...member, name, role };
  expect((await admin.call("POST", "/members", { data: { type: "member", attributes } })).status).toBe(201);
  const own = { ...credentials, adminEmail: member.email, adminPassword: member.password };
  return { ...inject("shared"), credentials: own };
}

test("a webhook is added with its secret shown once, tried out, edited and deleted; its deliveries say how it went", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await go("/notifications/channels");
  await page.getByRole("button", { name: "Add channel" }).click();
  await page.getByLabel("Name").fill("Night shift");
  await page.getByLabel("URL").fill("https://10.0.0.1/hook");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Add channel" }).click();
  await dialog.getByText("url must be https on the public internet").waitFor();
  await page.getByLabel("URL").fill(`${await sandboxUrl()}/hooks/claviger`);
  await dialog.getByRole("button", { name: "Add channel" }).click();
  await page.getByText("Channel made! Copy its signing secret now").waitFor();
  const secret = (await page.locator(".secret code").textContent()) ?? "";
  expect(secret).toMatch(/^whsec_/);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("cell", { name: "Night shift", exact: true }).waitFor();
  expect(await page.content()).not.toContain(secret);

  await act(page, "Night shift", "Send a test");
  await dialog.getByText("Night shift did not take the test: 401").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await act(page, "Night shift", "Edit");
  await dialog.getByText("Only", { exact: true }).click();
  await dialog.getByLabel("Gateway back").uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("cell", { name: "5 kinds" }).waitFor();

  await page.getByRole("link", { name: "Deliveries" }).click();
  const row = page.getByRole("row").filter({ hasText: "Test of a notification channel" }).first();
  await row.getByText("Night shift").waitFor();
  await row.getByText("401").waitFor();
  await page.getByRole("link", { name: "Channels" }).click();
  await act(page, "Night shift", "Delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No channels yet").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("rules are switched and numbered, what is no number is refused at its field, and what they tell of is new until it was seen", async () => {
  const { page, context, complaints, go } = await visit(browser, {
    place: await memberPlace("Bella", "admin"),
  });
  await go("/notifications/rules");
  const percent = page.getByLabel("Percent that fail");
  await percent.fill("lots");
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.locator("#rule-errorSpike\\.percent-error").waitFor();
  await percent.fill("1");
  await page.getByLabel("Of at least so many requests").fill("1");
  await page.getByLabel("Thresholds of budgets without their own").fill("100, 60");
  await page.getByRole("checkbox", { name: /^Gateways offline/ }).uncheck();
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("Rules saved").waitFor();
  await page.reload();
  await expect
    .poll(() => page.getByLabel("Thresholds of budgets without their own").inputValue())
    .toBe("60, 100");
  expect(await page.getByRole("checkbox", { name: /^Gateways offline/ }).isChecked()).toBe(false);

  const key = await admin.createKey(credentials.projectId, { name: "Fails on purpose" });
  await fetch(`${gateways["eu-1"]}/v1/chat/completions`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${key.secret}`, "content-type": "application/json" },
      "x-sandbox": JSON.stringify({ status: 500 }),
    },
    body: JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "x" }] }),
  });
  await page.getByRole("link", { name: /^Notifications, \d+ new$/ }).click();
  const told = page.getByRole("row").filter({ hasText: /of the requests to sandbox fail/ });
  await told.getByText("new", { exact: true }).waitFor();
  await page.getByRole("banner").getByRole("link", { name: "Notifications", exact: true }).waitFor();
  await page.reload();
  await told.waitFor();
  expect(await told.getByText("new", { exact: true }).count()).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

test("who is no admin sees what was told and the rules, and which role the rest needs", async () => {
  const place = await memberPlace("Watch", "viewer");
  const { page, context, go } = await visit(browser, { place });
  await go("/notifications/channels");
  await page.getByText("This needs the role Admin; you are Viewer.").waitFor();
  await go("/notifications/rules");
  await page.getByLabel("Percent that fail").waitFor();
  expect(await page.getByLabel("Percent that fail").isDisabled()).toBe(true);
  expect(await page.getByRole("button", { name: "Save changes" }).count()).toBe(0);
  await context.close();
});
