/** UX.md §2, point 27. */
import { expect, test } from "vitest";
import { lookEverywhere } from "./axe.ts";
import { launch } from "./visitor.ts";

test("27: axe finds nothing on any page or dialog in light and dark at 1440 px", async () => {
  const browser = await launch();
  expect(await lookEverywhere(browser, 1440)).toEqual([]);
  await browser.close();
});
