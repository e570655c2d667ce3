/** Writes what is made from the code: the schemas of answers, and the page of error codes. Run it after either has changed. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { errorsPage } from "./errors-page.ts";
import { pathOf } from "./paths.ts";
import { readViews } from "./views.ts";

const file = pathOf("control-plane/src/http/openapi/views.json");
writeFileSync(file, JSON.stringify(await readViews(), undefined, 2));
spawnSync(pathOf("node_modules/.bin/biome"), ["format", "--write", file], { stdio: "inherit" });
mkdirSync(pathOf("docs/api"), { recursive: true });
writeFileSync(pathOf("docs/api/errors.md"), errorsPage());
console.log(`${file}\n${pathOf("docs/api/errors.md")}`);
