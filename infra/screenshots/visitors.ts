/** Who looks at the pages in the pictures: a browser context for each. */
import type { Browser, Page } from "playwright-core";
import { createAdmin } from "../e2e/support/admin.ts";
import { type Place, signIn } from "../e2e/support/sign-in.ts";
import type { Visitor } from "./scenes.ts";

export interface Look {
  readonly name: string;
  readonly theme: "light" | "dark";
  readonly width: number;
  readonly height: number;
}

export const looks: readonly Look[] = [
  { name: "light", theme: "light", width: 1440, height: 900 },
  { name: "dark", theme: "dark", width: 1440, height: 900 },
  { name: "375", theme: "light", width: 375, height: 812 },
];

const PASSWORD = "a password for the pictures";

export type Places = Readonly<Record<Visitor, Place>>;

/** Makes an organization that has nothing, and somebody who may only look. */
export async function findPlaces(owner: Place): Promise<Places> {
  const { url, credentials } = owner;
  const nobody = { adminEmail: "first@portus.example", adminPassword: PASSWORD };
  const answer = await fetch(`${url}/api/v1/organizations`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${credentials.operatorToken}`,
      "content-type": "application/vnd.api+json",
    },
    body: JSON.stringify({ data: { type: "organization", attributes: { name: "Portus", ...nobody } } }),
  });
  if (answer.status !== 201) throw new Error(`making an organization answered ${answer.status}`);
  const viewer = { email: "vera@ostia.example", name: "Vera Castellani", role: "viewer", password: PASSWORD };
  const made = await createAdmin(url, credentials.adminToken).call("POST", "/members", {
    data: { type: "member", attributes: viewer },
  });
  if (made.status !== 201) throw new Error(`making a member answered ${made.status}`);
  const as = (who: typeof nobody): Place => ({ url, credentials: { ...credentials, ...who } });
  return {
    owner,
    many: owner,
    stranger: owner,
    nobody: as(nobody),
    viewer: as({ adminEmail: viewer.email, adminPassword: PASSWORD }),
  };
}

/** A page of this visitor, in this look. */
export async function open(browser: Browser, places: Places, as: Visitor, look: Look): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    deviceScaleFactor: look.width < 640 ? 2 : 1,
    colorScheme: look.theme,
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(20_000);
  if (as !== "stranger") await context.addCookies([await signIn(places[as])]);
  return context.newPage();
}
