/** UX.md §2, points 1 to 7: making a key and seeing its secret, once. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { act, createByKeyboard, launch, rowOf, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

test("1: a secret stands in the reveal panel only; after Done it is in no page, storage or address", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await go("/keys");
  const secret = await createByKeyboard(page, "One shot");
  expect(secret).toMatch(/^clv_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
  // Leaving without a copy asks once.
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByText("You have not copied the key.").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await rowOf(page, "One shot").waitFor();
  const random = secret.slice(22);
  const everything = () =>
    page.evaluate(() =>
      JSON.stringify([
        document.documentElement.outerHTML,
        { ...localStorage },
        { ...sessionStorage },
        location.href,
        history.state,
      ]),
    );
  expect(await everything()).not.toContain(random);
  await page.goBack();
  expect(await everything()).not.toContain(random);
  await page.reload();
  expect(await everything()).not.toContain(random);
  expect(complaints).toEqual([]);
  await context.close();
});

test("2: Copy says Copied! for a while, aloud too, and works by keyboard", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  const secret = await createByKeyboard(page, "To copy");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Copied!" }).waitFor();
  await page.getByRole("status").filter({ hasText: "Copied!" }).waitFor({ state: "attached" });
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
  await page
    .locator("#copy-secret")
    .filter({ hasText: /^Copy$/ })
    .waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  const preview = rowOf(page, "To copy").getByRole("button", { name: "Copy preview of To copy" });
  await preview.click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^clv_live_\w{4}….{4}$/);
  await context.close();
});

test("2: without the clipboard's permission the secret is selected and the hint says Ctrl+C", async () => {
  const { page, context, go } = await visit(browser, { clipboard: false });
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "clipboard", {
      value: { writeText: () => Promise.reject(new Error("no")) },
    });
  });
  await go("/keys");
  const secret = await createByKeyboard(page, "No clipboard");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Press Ctrl+C" }).waitFor();
  expect(await page.evaluate(() => String(getSelection()))).toBe(secret);
  await context.close();
});

test("3: a key is made by keyboard alone: c, name, Ctrl+Enter, and Copy has the focus; both gateways accept it", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  const secret = await createByKeyboard(page, "By keyboard");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("copy-secret");
  await expect.poll(() => page.locator(".proof .st.confirmed").count()).toBe(2);
  for (const url of Object.values(inject("shared").gateways)) {
    const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
    expect(answer.status).toBe(200);
  }
  await context.close();
});

test("4: an invalid form sends the focus to its first bad field, on its tab, and loses nothing", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys/new?name=Bad&ips=10.0.0.300");
  await page.getByLabel("Requests/min").fill("60");
  await page.keyboard.press("Control+Enter");
  const field = page.locator("#key-ips");
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("key-ips");
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  const words = await page.locator(`#${await field.getAttribute("aria-describedby")}`).textContent();
  expect(words).toContain("Must hold addresses and CIDRs");
  await page.getByRole("tab", { name: /Advanced.*1 error/ }).waitFor();
  expect(await page.getByLabel("Requests/min").inputValue()).toBe("60");
  await context.close();
});

test("4: what only the API can know lands on the same field", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys/new?name=Past");
  await page.getByText("Exact…").click();
  await page.getByLabel("Expires at, in UTC").fill("2020-01-01T00:00");
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => page.locator("#key-expiresAt").getAttribute("aria-invalid")).toBe("true");
  expect(await page.getByLabel("Key Name").inputValue()).toBe("Past");
  await context.close();
});

test("5: leaving a form that holds something asks, and its draft is there again", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  await page.getByRole("heading", { name: "API keys" }).waitFor();
  await page.keyboard.press("c");
  await page.getByLabel("Key Name").fill("Half done");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Leave this form?").waitFor();
  await page.getByRole("button", { name: "Keep editing" }).click();
  expect(await page.getByLabel("Key Name").inputValue()).toBe("Half done");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Leave", exact: true }).click();
  await page.getByLabel("Key Name").waitFor({ state: "detached" });
  await page.keyboard.press("c");
  await expect.poll(() => page.getByLabel("Key Name").inputValue()).toBe("Half done");
  await context.close();
});

test("6: a link fills in the form, and says what of it it did not understand", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys/new?name=CI&expires=30d&models=gpt-5.4&budget=50&colour=red");
  expect(await page.getByLabel("Key Name").inputValue()).toBe("CI");
  expect(await page.getByLabel("Budget ($)").inputValue()).toBe("50");
  await page.getByText("left out: colour").waitFor();
  expect(await page.getByRole("complementary", { name: "What this key can do" }).textContent()).toContain(
    "1 model",
  );
  await context.close();
});

test("7: the summary says what the key can do, and warns of what is open", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys/new");
  const summary = page.getByRole("complementary", { name: "What this key can do" });
  await expect.poll(() => summary.locator("li.warn").count()).toBe(3);
  expect(await summary.textContent()).toMatch(/No budget.*From any IP address/s);
  await page.getByLabel("Budget ($)").fill("50");
  await page.getByText("30d").click();
  await expect
    .poll(() => summary.textContent())
    .toContain("Spends at most $50 in total, on all gateways together");
  await expect.poll(() => summary.locator("li.warn").count()).toBe(1);
  await context.close();
});

test("7: an edit states its effect too, and sends only what has changed", async () => {
  const { page, context, go } = await visit(browser);
  await go("/keys");
  await createByKeyboard(page, "To edit");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Done" }).click();
  await act(page, "To edit", "Edit");
  await page.getByLabel("Budget ($)").fill("7");
  const sent = page.waitForRequest((request) => request.method() === "PATCH");
  await page.getByRole("button", { name: "Save changes" }).click();
  expect(Object.keys((await sent).postDataJSON().data.attributes).sort()).toEqual([
    "budgetAlertThresholds",
    "budgetPeriod",
    "budgetUsd",
  ]);
  await page.getByText("Held by all 2 gateways").waitFor();
  await context.close();
});
