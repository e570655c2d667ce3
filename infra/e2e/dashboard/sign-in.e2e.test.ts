/** Ways to sign in: a passkey by the browser's own authenticator, and what the page says of single sign-on. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { launch, visit } from "./visitor.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const { url, credentials } = inject("shared");
/** Passkeys belong to a name, so a machine of one's own is `localhost` to them. */
const named = url.replace("127.0.0.1", "localhost");

/** An authenticator inside the browser whose owner is always there (WebDriver extension of WebAuthn, by CDP). */
async function addAuthenticator(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

test("a passkey is added in settings, signs in without a password, and is deleted", async () => {
  const { page, context, complaints } = await visit(browser, {
    signedIn: false,
    place: { url: named, credentials },
  });
  await addAuthenticator(page);
  await page.goto(`${named}/dashboard/settings/security`);
  await page.getByLabel("E-mail").fill(credentials.adminEmail);
  await page.getByLabel("Password").fill(credentials.adminPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("No passkeys yet").waitFor();
  await page.getByRole("button", { name: "Add passkey" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Laptop");
  await dialog.getByRole("button", { name: "Add passkey" }).click();
  await page.getByRole("cell", { name: "Laptop", exact: true }).waitFor();

  await context.clearCookies();
  await page.goto(`${named}/dashboard/settings/security`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByRole("cell", { name: "Laptop", exact: true }).waitFor();
  await page.getByRole("button", { name: "Delete Laptop" }).click();
  await page.getByText("No passkeys yet").waitFor();

  await context.clearCookies();
  await page.goto(`${named}/dashboard/`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByText("This passkey is not known here").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("single sign-on asks for the organization once, remembers whose it was, and says in words why it led back", async () => {
  const { page, context, complaints, go } = await visit(browser, { signedIn: false });
  await go("/");
  await page.getByRole("button", { name: "Single sign-on" }).click();
  await page.getByLabel("Organization id").fill("org_000000000000");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("This organization has no single sign-on.").waitFor();
  await page.getByLabel("E-mail").fill(credentials.adminEmail);
  await page.getByLabel("Password").fill(credentials.adminPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "API keys", level: 1 }).waitFor();
  await context.clearCookies();
  await go("/");
  const asked = page.waitForRequest((request) => request.url().includes("/single-sign-on/begin"));
  await page.getByRole("button", { name: "Single sign-on" }).click();
  expect(new URL((await asked).url()).searchParams.get("organization")).toBe(credentials.organizationId);
  await page.getByText("This organization has no single sign-on.").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test("owners set a provider up: what does not answer is refused at its field, and rules are saved", async () => {
  const { page, context, complaints, go } = await visit(browser);
  await go("/settings/sso");
  await page.getByLabel("Issuer").fill("https://169.254.169.254");
  await page.getByLabel("Client id").fill("claviger");
  await page.getByLabel("Values and roles").fill("ops: admin\nnonsense");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByText("Line 2 is not").waitFor();
  await page.getByLabel("Values and roles").fill("ops: admin");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByText("No OpenID provider answers at this issuer").waitFor();
  await go("/settings/security");
  await page.getByLabel("It ends without a request after").fill("120");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved").waitFor();
  await page.reload();
  await expect.poll(() => page.getByLabel("It ends without a request after").inputValue()).toBe("120");
  await page.getByLabel("It ends without a request after").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved").waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});
