/** Members, invitations and agents, as the administrator and as those who come. */
import type { Browser } from "playwright-core";
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
const PASSWORD = "a password of a guest";

const addMember = async (name: string, role: string) => {
  const email = `${name.toLowerCase()}@people.example.com`;
  const attributes = { email, name, role, password: PASSWORD };
  const answer = await admin.call("POST", "/members", { data: { type: "member", attributes } });
  expect(answer.status).toBe(201);
  return { email, id: (answer.json as { data: { id: string } }).data.id };
};

test("an invitation is a link that is shown once; whoever opens it first becomes a member of that role, and is seen live", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await go("/members");
  await page.getByRole("button", { name: "Invite member" }).click();
  await page.getByLabel("E-mail").fill("guest@people.example.com");
  await page.getByRole("combobox", { name: /^Role/ }).click();
  await page.getByRole("option", { name: "Viewer" }).click();
  await page.getByRole("button", { name: "Make the link" }).click();
  await page.getByText("Invitation made! Copy its link now").waitFor();
  const link = (await page.locator(".secret code").textContent()) ?? "";
  expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/dashboard\/join#\w{43}$/);
  await page.getByRole("button", { name: "Done" }).click();
  expect(await page.content()).not.toContain(link.split("#")[1]);
  const invitations = page.getByRole("region", { name: "Invitations" });
  await invitations.getByText("guest@people.example.com").waitFor();

  const guest = await visit(browser, { signedIn: false });
  const asked: string[] = [];
  guest.page.on("request", (request) => asked.push(request.url()));
  await guest.page.goto(link);
  await guest.page.getByText("has invited guest@people.example.com as Viewer").waitFor();
  await guest.page.getByLabel("Your name").fill("Gustav Guest");
  await guest.page.getByLabel("Password").fill("a password of a guest");
  await guest.page.getByRole("button", { name: "Join" }).click();
  await guest.page.getByRole("heading", { name: "API keys", level: 1 }).waitFor();
  expect(asked.filter((one) => one.includes(link.split("#")[1] ?? "?"))).toEqual([]);
  await guest.page.goto(link);
  await guest.page.getByText("This link opens nothing").waitFor();
  await guest.context.close();

  await page.getByRole("cell", { name: "Gustav Guest", exact: true }).waitFor();
  await expect.poll(() => invitations.count()).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

test("a member is renamed and given another role, disabled with all keys, enabled, and removed with what becomes of the keys", async () => {
  const mona = await addMember("Mona", "member");
  const key = await admin.createKey(credentials.projectId, { name: "Mona's key", ownerId: mona.id });
  const { page, context, go } = await visit(browser);
  const act = async (item: string) => {
    await page.getByRole("button", { name: "More actions for Mona" }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await go("/members");
  const row = page.getByRole("row").filter({ hasText: mona.email });
  await act("Edit");
  await page.getByRole("combobox", { name: /^Role/ }).click();
  await page.getByRole("option", { name: "Admin" }).click();
  await page.getByRole("button", { name: "Save changes" }).click();
  await row.getByText("Admin", { exact: true }).waitFor();
  await act("Disable");
  await page.getByText("The one active API key of this member stops at once").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByText("Disabled Mona").waitFor();
  await page.getByText("Refused by all 2 gateways").waitFor();
  expect((await useKey(gateways["eu-1"] ?? "", key)).status).toBe(401);
  await page.getByRole("button", { name: "Close" }).last().click();
  await row.getByText("Disabled").waitFor();
  await act("Enable");
  await page.getByText("stay inactive until somebody activates them").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Enable" }).click();
  await row.getByText("Enabled").waitFor();
  expect((await useKey(gateways["eu-1"] ?? "", key)).status).toBe(401);
  await admin.change("POST", `/api-keys/${key.id}/activate`);
  expect((await useKey(gateways["eu-1"] ?? "", key)).status).toBe(200);
  await act("Remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  await page.getByRole("button", { name: "Close" }).last().click();
  await expect.poll(() => row.count()).toBe(0);
  expect((await useKey(gateways["us-1"] ?? "", key)).status).toBe(401);
  await context.close();
});

test("the last owner stays, and the API's reason is shown where it was asked", async () => {
  const { page, context, go } = await visit(browser);
  await go("/members");
  await page.getByRole("row").filter({ hasText: "you" }).first().waitFor();
  const own = page.getByRole("button", { name: "More actions for Admin" });
  await own.click();
  expect(await page.getByRole("menuitem").allTextContents()).toEqual(["Edit"]);
  await context.close();
});

test("an agent is created, gets tokens with its one-shot secret, is rotated and revoked on both gateways", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await go("/agents");
  await page.getByRole("button", { name: "Create agent" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Crawler");
  await page.getByRole("dialog").getByRole("button", { name: "Create agent" }).click();
  await page.getByText("Agent created! Copy its secret now").waitFor();
  const secret = (await page.locator(".secret code").textContent()) ?? "";
  const snippet = (await page.locator("pre").textContent()) ?? "";
  const id = /agt_\w{12}/.exec(snippet)?.[0] ?? "";
  expect(snippet).toContain(`${url}/oauth/token`);
  expect(snippet).not.toContain(secret);
  await expect.poll(() => page.locator(".proof .st.confirmed").count()).toBe(2);
  await page.locator("#copy-secret").click();
  await page.getByRole("button", { name: "Done" }).click();
  const grant = (clientSecret: string) =>
    fetch(`${url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: id,
        client_secret: clientSecret,
      }),
    });
  const { access_token: token } = (await (await grant(secret)).json()) as { access_token: string };
  const useToken = () =>
    Promise.all(
      Object.values(gateways).map(async (gateway) => (await useKey(gateway, { secret: token })).status),
    );
  expect(await useToken()).toEqual([200, 200]);
  const act = async (item: string) => {
    await page.getByRole("button", { name: "More actions for Crawler" }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await act("Rotate secret");
  await page.getByRole("dialog").getByRole("button", { name: "Rotate Key" }).click();
  await page.getByText("Secret rotated! Copy the new one now").waitFor();
  expect((await grant(secret)).status).toBe(401);
  await page.locator("#copy-secret").click();
  await page.getByRole("button", { name: "Done" }).click();
  await act("Revoke");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  expect(await useToken()).toEqual([401, 401]);
  await page.getByRole("button", { name: "Close" }).last().click();
  await act("Delete");
  await page.getByRole("dialog").getByText("Are you sure you want to delete ‘Crawler’?").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("11: an ephemeral token ticks beside its parent and dies visibly with it", async () => {
  const key = await admin.createKey(credentials.projectId, { name: "Parent of a token" });
  const { page, context, go } = await visit(browser);
  await go(`/keys/${key.id}`);
  await page.getByRole("button", { name: /^More actions/ }).click();
  await page.getByRole("menuitem", { name: "Ephemeral Token" }).click();
  await page.getByText("5 min", { exact: true }).click();
  await page.getByRole("button", { name: "Create token" }).click();
  await page.getByText("Ephemeral token created! Copy it now").waitFor();
  const secret = (await page.locator(".secret code").textContent()) ?? "";
  expect(secret).toMatch(/^clve_/);
  const life = page.getByRole("dialog").getByRole("status").filter({ hasText: /in \d/ });
  const first = await life.textContent();
  expect(first).toMatch(/Ends in \d\d:\d\d, at \d\d:\d\d:\d\d/);
  await expect.poll(() => life.textContent()).not.toBe(first);
  await page.getByRole("dialog").getByRole("link", { name: "Parent of a token" }).waitFor();
  expect((await useKey(gateways["eu-1"] ?? "", { secret })).status).toBe(200);
  await admin.change("POST", `/api-keys/${key.id}/revoke`);
  await page.getByText(/Ended with its key\s*Parent of a token/).waitFor();
  expect((await useKey(gateways["eu-1"] ?? "", { secret })).status).toBe(401);
  await context.close();
});
