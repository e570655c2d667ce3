/** A person in front of the dashboard: a browser context that is signed in, and the words for what they do there. */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { inject } from "vitest";
import { chromiumFlags } from "../../local/chromium.ts";
import { type Place, signIn } from "../support/sign-in.ts";
import "./context.ts";

export type { Place };

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Everything that the browser complained about, and every request that left this origin. */
  readonly complaints: readonly string[];
  go(path: string): Promise<void>;
}

export interface VisitOptions {
  readonly place?: Place;
  readonly width?: number;
  readonly theme?: "light" | "dark";
  /** Absent: the administrator. */
  readonly signedIn?: boolean;
  readonly clipboard?: boolean;
}

/** The browser of a test file. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: inject("chromium"), args: [...chromiumFlags] });
}

/** A fresh context; signed in by the API, so that no test but the one of signing in pays for it. */
export async function visit(browser: Browser, options: VisitOptions = {}): Promise<Visit> {
  const {
    place = inject("shared"),
    width = 1440,
    theme = "light",
    signedIn = true,
    clipboard = true,
  } = options;
  const context = await browser.newContext({
    viewport: { width, height: width < 640 ? 812 : 900 },
    colorScheme: theme,
    reducedMotion: "reduce",
    permissions: clipboard ? ["clipboard-read", "clipboard-write"] : [],
  });
  // Long enough for a machine that is busy with everything else: how fast the pages are, the benchmark measures.
  context.setDefaultTimeout(60_000);
  if (signedIn) await context.addCookies([await cookieOf(place)]);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(place.url)) complaints.push(`left the origin: ${request.url()}`);
  });
  const go = async (path: string) => {
    await page.goto(`${place.url}/dashboard${path}`);
  };
  return { page, context, complaints, go };
}

const cookies = new Map<string, Awaited<ReturnType<typeof signIn>>>();

async function cookieOf(place: Place) {
  const who = `${place.url} ${place.credentials.adminEmail}`;
  const cookie = cookies.get(who) ?? (await signIn(place));
  cookies.set(who, cookie);
  return cookie;
}

/** Opens the form by its shortcut, types a name and sends it; resolves with the secret that is shown. */
export async function createByKeyboard(page: Page, name: string): Promise<string> {
  await page.getByRole("heading", { name: "API keys" }).waitFor();
  await page.keyboard.press("c");
  await page.getByLabel("Key Name").and(page.locator(":focus")).waitFor();
  await page.keyboard.type(name);
  await page.keyboard.press("Control+Enter");
  await page.getByText("API Key created! Copy it now").waitFor();
  return (await page.locator(".secret code").textContent()) ?? "";
}

/** The row of a key in the list. */
export function rowOf(page: Page, name: string) {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

/** Opens a row's menu and takes an item. */
export async function act(page: Page, name: string, item: string): Promise<void> {
  await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}
