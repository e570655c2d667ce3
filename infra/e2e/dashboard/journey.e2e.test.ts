/** The whole life of a key, as an administrator sees it and as an application feels it. */
import OpenAI from "openai";
import { expect, inject, test } from "vitest";
import { act, createByKeyboard, launch, rowOf, visit } from "./visitor.ts";

const { credentials, gateways } = inject("shared");

/** What the OpenAI SDK gets from each gateway: the model's answer, or the status of the refusal. */
function callAll(secret: string): Promise<(string | number | undefined)[]> {
  return Promise.all(
    Object.values(gateways).map(async (url) => {
      const client = new OpenAI({ apiKey: secret, baseURL: `${url}/v1`, maxRetries: 0 });
      const messages = [{ role: "user" as const, content: "hello" }];
      try {
        const answer = await client.chat.completions.create({ model: "sandbox/echo", messages });
        return answer.object;
      } catch (error) {
        return error instanceof OpenAI.APIError ? error.status : String(error);
      }
    }),
  );
}

test("sign in, create a key, use it with the OpenAI SDK on both gateways, see it in Logs and Usage, rotate, revoke, 401 on both", async () => {
  const browser = await launch();
  const { page, complaints, go } = await visit(browser, { signedIn: false });
  await go("/keys");
  await page.getByLabel("E-mail").fill(credentials.adminEmail);
  await page.getByLabel("Password").fill(credentials.adminPassword);
  await page.keyboard.press("Enter");
  const first = await createByKeyboard(page, "Journey");
  await expect.poll(() => page.locator(".proof .st.confirmed").count()).toBe(2);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Done" }).click();
  expect(await callAll(first)).toEqual(["chat.completion", "chat.completion"]);
  await go(`/logs?key=key_${first.slice(9, 21)}`);
  await page.getByText("All 2 gateways answered at").waitFor();
  await expect.poll(() => page.getByText("200 admitted").count()).toBe(2);
  await page
    .getByRole("button", { name: /Details of request/ })
    .first()
    .click();
  await page.getByRole("dialog").getByText("admitted and forwarded").waitFor();
  await go(`/usage?key=key_${first.slice(9, 21)}`);
  const history = page.getByRole("region", { name: "Request history" }).first();
  await expect.poll(() => history.locator("tbody tr").count()).toBe(2);
  await go("/keys?q=Journey");
  await act(page, "Journey", "Rotate Key");
  await page.getByRole("dialog").getByRole("button", { name: "Rotate Key" }).click();
  await page.getByText("API Key rotated! Copy the new one now").waitFor();
  await expect.poll(() => page.locator(".proof .st.confirmed").count()).toBe(2);
  const second = (await page.locator(".secret code").textContent()) ?? "";
  await page.locator("#copy-secret").click();
  await page.getByRole("button", { name: "Done" }).click();
  expect(await callAll(first)).toEqual([401, 401]);
  expect(await callAll(second)).toEqual(["chat.completion", "chat.completion"]);
  await act(page, "Journey", "Revoke");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("Refused by all 2 gateways").waitFor();
  expect(await callAll(second)).toEqual([401, 401]);
  await page.getByRole("button", { name: "Close" }).last().click();
  await rowOf(page, "Journey").getByText("Revoked").waitFor();
  expect(complaints).toEqual([]);
  await browser.close();
});
