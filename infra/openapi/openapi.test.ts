import { readFileSync } from "node:fs";
import { refusals } from "@claviger/shared/decide/refusals";
import { expect, test } from "vitest";
import { errorsPage } from "./errors-page.ts";
import { pathOf } from "./paths.ts";
import { readViews } from "./views.ts";

const again = "run `node_modules/.bin/node infra/openapi/make.ts` and commit what it writes";

test("the schemas of answers are those of the types that verbs return", async () => {
  const written = readFileSync(pathOf("control-plane/src/http/openapi/views.json"), "utf8");
  expect(JSON.parse(written), again).toEqual(await readViews());
});

test("every code that can be answered is explained, with the words that are answered", () => {
  const page = readFileSync(pathOf("docs/api/errors.md"), "utf8");
  expect(page, again).toBe(errorsPage());
  for (const [code, { message }] of Object.entries(refusals)) {
    expect(page).toContain(`### \`${code}\`\n`);
    expect(page).toContain(message);
  }
});
