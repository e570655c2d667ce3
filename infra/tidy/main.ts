/**
 * `npm run tidy`: the rules of docs/architecture.md that a program can check, over every file that git knows or would
 * add. Prints `path:line rule: message`, one per line; exits 1 if there is any.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkRepository } from "./check.ts";

const root = dirname(dirname(import.meta.dirname));

function listFiles(): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const output = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  // A file that was deleted but not yet from the index is still listed.
  return output.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
}

const files = listFiles();
const violations = checkRepository(files, (path) => readFileSync(join(root, path), "utf8"));
for (const { path, line, rule, message } of violations) console.log(`${path}:${line} ${rule}: ${message}`);
console.log(`tidy: ${files.length} files, ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
