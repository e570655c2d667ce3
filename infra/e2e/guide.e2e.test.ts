/** README and guide as a newcomer follows them: every command and program of a page, in order, on a fresh home. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blocksOf } from "../guide/blocks.ts";
import { hasPython, openSession, type Session } from "../guide/session.ts";
import { freePortBase } from "./support/ports.ts";
import { runStart, type Started } from "./support/start-command.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");
/** The first page signs in, as a reader does. */
const pages = [
  "docs/guide/first-hour.md",
  "README.md",
  "docs/guide/clients.md",
  "docs/guide/sandbox.md",
  "docs/guide/migrate.md",
  "docs/guide/command-line.md",
];

let home: string;
let running: Started;
let session: Session;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "claviger-guide-"));
  const portBase = await freePortBase();
  running = runStart(home, portBase);
  await running.ready;
  session = openSession({
    folder: mkdtempSync(join(tmpdir(), "claviger-reader-")),
    home,
    portBase,
    node: process.execPath,
  });
});
afterAll(async () => {
  session?.close();
  running?.process.kill("SIGTERM");
  await running?.exit;
  rmSync(home, { recursive: true, force: true });
});

test.each(pages)(
  "%s works as it is written",
  async (path) => {
    const blocks = blocksOf(path, readFileSync(join(CHECKOUT, path), "utf8"));
    let ran = 0;
    session.begin();
    for (const block of blocks) {
      if (block.notRun !== undefined) continue;
      // What a machine without Python cannot show, one with it does.
      if (block.language === "python" && !hasPython(block.needs)) continue;
      await session.run(block);
      ran += 1;
    }
    // A page of commands of which none ran would prove nothing.
    expect(ran > 0 || blocks.every(({ notRun }) => notRun !== undefined)).toBe(true);
  },
  240_000,
);

test("a block that fails, or prints something else, fails the page", async () => {
  const [fails, prints] = blocksOf(
    "x.md",
    "```sh\nfalse\n```\n\n<!-- prints: yes -->\n```sh\necho no\n```\n",
  );
  session.begin();
  await expect(session.run(fails!)).rejects.toThrow("x.md:1 ended with 1");
  await expect(session.run(prints!)).rejects.toThrow("x.md:6 did not print /yes/m");
});
