import { describe, expect, test } from "vitest";
import { checkRepository } from "./check.ts";

/** `path:line rule` of every violation in a repository of these files. */
function found(files: Record<string, string>): string[] {
  const read = (path: string) => files[path] ?? "";
  return checkRepository(Object.keys(files), read).map((each) => `${each.path}:${each.line} ${each.rule}`);
}

const lines = (count: number, line: string) => Array(count).fill(line).join("\n");

describe("who may import whom", () => {
  const refused: [path: string, text: string][] = [
    ["shared/src/decide/a.ts", 'import { Grant } from "../wire/grant.ts";'],
    ["shared/src/decide/a.ts", 'import { type Grant } from "../wire/grant.ts";'],
    ["shared/src/decide/a.ts", 'import * as z from "zod";'],
    ["shared/src/sync/a.ts", 'export { hash } from "../key/hash.ts";'],
    ["shared/src/key/a.ts", 'import { createHash } from "node:crypto";'],
    ["shared/src/wire/a.ts", 'const fs = await import("node:fs");'],
    ["shared/src/api/a.ts", 'import type { Keys } from "@claviger/control-plane/keys/list";'],
    ["gateway/src/admit/a.ts", 'import { follow } from "../follow/follow.ts";'],
    ["gateway/src/admit/a.ts", 'import type { Store } from "../runtime/node/store.ts";'],
    ["gateway/src/admit/a.ts", 'import { join } from "node:path";'],
    ["gateway/src/admit/a.ts", 'import { build } from "@claviger/shared/testing/build";'],
    ["gateway/src/app.ts", 'import { open } from "./runtime/node/store.ts";'],
    ["gateway/src/ports.ts", 'import type { Admit } from "./admit/admit.ts";'],
    ["gateway/src/runtime/node/a.ts", 'import { store } from "../workers/store.ts";'],
    ["gateway/src/runtime/workers/a.ts", 'import { store } from "../node/store.ts";'],
    ["gateway/src/runtime/workers/a.ts", 'import { join } from "node:path";'],
    ["control-plane/src/keys/create.ts", 'import { Hono } from "hono";'],
    ["control-plane/src/keys/create.ts", 'import { connect } from "@nats-io/transport-node";'],
    ["control-plane/src/keys/create.ts", 'import { problem } from "../http/problem.ts";'],
    ["control-plane/src/keys/create.ts", 'import { relay } from "../fleet/relay.ts";'],
    ["control-plane/src/http/a.ts", 'import { keys } from "../db/tables/keys.ts";'],
    ["control-plane/src/db/a.ts", 'import { list } from "../keys/list.ts";'],
    ["control-plane/src/fleet/a.ts", 'import { connect } from "@nats-io/transport-node";'],
    ["dashboard/src/a.ts", 'import type { Key } from "@claviger/control-plane/keys/list";'],
    ["infra/tidy/a.ts", 'import { parse } from "@claviger/shared/key/parse";'],
    ["control-plane/src/fleet/a.ts", 'import { rig } from "./testing/rig.ts";'],
    ["control-plane/src/app.ts", 'import { rig } from "./fleet/testing/rig.ts";'],
    ["shared/src/key/a.workerd.test.ts", 'import { readFileSync } from "node:fs";'],
    ["shared/src/key/a.test.ts", 'import { admit } from "@claviger/gateway/admit/admit";'],
  ];
  test.each(refused)("%s refuses %s", (path, text) => {
    expect(found({ [path]: text })).toEqual([`${path}:1 import`]);
  });

  const allowed: [path: string, text: string][] = [
    ["shared/src/decide/a.ts", 'import type { Grant } from "../wire/grant.ts";'],
    ["shared/src/decide/a.ts", 'type Grant = import("../wire/grant.ts").Grant;'],
    ["shared/src/decide/a.ts", 'import { other } from "./other.ts";'],
    ["shared/src/wire/a.ts", 'import * as z from "zod";'],
    ["gateway/src/admit/a.ts", 'import { parse } from "@claviger/shared/key/parse";'],
    ["gateway/src/admit/deep/a.ts", 'import { admit } from "../admit.ts";'],
    ["gateway/src/app.ts", 'import { admit } from "./admit/admit.ts";'],
    ["gateway/src/runtime/node/a.ts", 'import { readFile } from "node:fs/promises";'],
    ["control-plane/src/keys/create.ts", 'import { journal } from "../fleet/journal.ts";'],
    ["control-plane/src/keys/create.ts", 'import { keys } from "../db/tables/keys.ts";'],
    ["control-plane/src/http/a.ts", 'import { create } from "../keys/create.ts";'],
    ["dashboard/src/a.ts", 'import type { Key } from "@claviger/shared/api/keys";'],
    ["gateway/src/admit/a.test.ts", 'import { build } from "@claviger/shared/testing/build";'],
    ["control-plane/src/fleet/testing/rig.ts", 'import { connect } from "../../runtime/node/nats.ts";'],
    ["control-plane/src/fleet/a.stack.test.ts", 'import { rig } from "./testing/rig.ts";'],
    ["gateway/src/admit/a.test.ts", 'import { readFileSync } from "node:fs";'],
  ];
  test.each(allowed)("%s allows %s", (path, text) => {
    expect(found({ [path]: text })).toEqual([]);
  });

  test("a folder that the table does not name is refused", () => {
    expect(found({ "shared/src/misc/a.ts": "" })).toEqual(["shared/src/misc/a.ts:1 room"]);
  });
});

describe("cycles", () => {
  test("a circle of loads is reported once, with the way around", () => {
    const files = {
      "shared/src/key/a.ts": 'import "./b.ts";',
      "shared/src/key/b.ts": '\nexport * from "./c.ts";',
      "shared/src/key/c.ts": 'import { a } from "./a.ts";',
    };
    const violations = checkRepository(Object.keys(files), (path) => files[path as keyof typeof files]);
    expect(violations).toEqual([
      {
        path: "shared/src/key/a.ts",
        line: 1,
        rule: "cycle",
        message: ["a", "b", "c", "a"].map((name) => `shared/src/key/${name}.ts`).join(" → "),
      },
    ]);
  });

  test("types and import() close no circle", () => {
    expect(
      found({
        "shared/src/key/a.ts": 'import { b } from "./b.ts";\nimport { c } from "./c.ts";',
        "shared/src/key/b.ts": 'import type { A } from "./a.ts";',
        "shared/src/key/c.ts": 'export const later = () => import("./a.ts");',
      }),
    ).toEqual([]);
  });
});

describe("sizes", () => {
  test("a file has at most 300 lines, tests too", () => {
    expect(found({ "infra/sim/a.ts": `${lines(300, "//")}\n` })).toEqual([]);
    expect(found({ "infra/sim/a.ts": lines(301, "//") })).toEqual(["infra/sim/a.ts:301 file-length"]);
    expect(found({ "infra/sim/a.test.ts": lines(301, "//") })).toEqual([
      "infra/sim/a.test.ts:301 file-length",
    ]);
  });

  test.each([
    ["function f() {", "}"],
    ["const f = () => {", "};"],
    ["class C { f() {", "} }"],
    ["test('x', () => {", "});"],
  ])("a function has at most 60 lines: %s", (before, after) => {
    expect(found({ "infra/sim/a.ts": `${before}\n${lines(58, "//")}\n${after}` })).toEqual([]);
    expect(found({ "infra/sim/a.ts": `\n${before}\n${lines(59, "//")}\n${after}` })).toEqual([
      "infra/sim/a.ts:2 function-length",
    ]);
  });

  test.each(["describe('x', () => {", "describe.each([1])('x', () => {"])(
    "in a test, %s is no function",
    (before) => {
      const text = `${before}\n${lines(80, "//")}\n});`;
      expect(found({ "infra/sim/a.test.ts": text })).toEqual([]);
      expect(found({ "infra/sim/a.ts": text })).toEqual(["infra/sim/a.ts:1 function-length"]);
    },
  );
});

describe("escapes", () => {
  test.each([
    ["const a: any = 1;", "no-any"],
    ["const a = <T,>(b: Array<any>) => b as T[];", "no-any"],
    ["// @ts-ignore", "ts-ignore"],
    ["// @ts-expect-error", "ts-ignore"],
    ["/* TODO later */", "todo"],
  ])("%s is refused", (text, rule) => {
    expect(found({ "infra/sim/a.ts": text })).toEqual([`infra/sim/a.ts:1 ${rule}`]);
  });

  test("words inside strings, and proofs in tests that something does not compile, are fine", () => {
    expect(found({ "infra/sim/a.ts": "const any = 'any TODO @ts-ignore';" })).toEqual([]);
    expect(found({ "infra/sim/a.test.ts": "// @ts-expect-error: forwarding needs a reservation" })).toEqual(
      [],
    );
  });
});

describe("purity", () => {
  test.each([
    "const now = Date.now();",
    "const now = new Date();",
    "const now = Date();",
    "const dice = Math.random();",
    "const id = crypto.randomUUID();",
    "const now = performance.now();",
    "setTimeout(f, 1);",
    "console.log(1);",
    "export const get = () => fetch('x');",
    "export const send = { fetch };",
    "const all = globalThis['Date'];",
    "const subtle = (crypto as Crypto).subtle;",
  ])("a pure room refuses %s", (text) => {
    expect(found({ "shared/src/money/a.ts": `\n${text}` })).toEqual(["shared/src/money/a.ts:2 purity"]);
    expect(found({ "shared/src/wire/a.ts": text })).toEqual([]);
    expect(found({ "shared/src/money/a.test.ts": text })).toEqual([]);
  });

  test("a pure room may read a date that it was given, and use the names for its own things", () => {
    const text =
      "export const f = (fetch: number, at: number) => [new Date(at), fetch, { process: 1 }.process];";
    expect(found({ "shared/src/money/a.ts": text })).toEqual([]);
  });
});

describe("the environment", () => {
  test.each(["const port = process.env.PORT;", 'import { env } from "node:process";'])(
    "%s stands in main.ts only",
    (text) => {
      const path = "control-plane/src/keys/create.ts";
      expect(found({ [path]: text })).toEqual([`${path}:1 environment`]);
      expect(found({ "control-plane/src/runtime/node/config.ts": text })).toHaveLength(1);
      expect(found({ "control-plane/src/runtime/node/main.ts": text })).toEqual([]);
      expect(found({ "infra/local/start.ts": text })).toEqual([]);
    },
  );
});

describe("names", () => {
  test.each(["infra/sim/runAll.ts", "infra/sim/run_all.ts", "infra/Sim/run.ts"])("%s is refused", (path) => {
    expect(found({ [path]: "" })).toEqual([`${path}:1 kebab-case`]);
  });

  test.each(["README.md", ".ci/run", "infra/sim/run-all.test.ts", "docs/decisions/0001-a-page.md"])(
    "%s is fine",
    (path) => {
      expect(found({ [path]: "" })).toEqual([]);
    },
  );
});

describe("documents", () => {
  const files = { "shared/src/key/parse.ts": "", "docs/other.md": "", "infra/sim/run.ts": "" };
  test.each([
    "see `shared/src/key/gone.ts`",
    "see `infra/{sim,gone}/run.ts`",
    "see `gateway/src/<room>/index.ts`",
    "see [it](gone.md)",
    "see [it](../shared/src/gone.ts)",
  ])("a path that does not exist is refused: %s", (text) => {
    expect(found({ ...files, "docs/a.md": `# A\n${text}` })).toEqual(["docs/a.md:2 doc-path"]);
  });

  test.each([
    "`shared/src/key/parse.ts:12`, `shared/key/parse.ts`, `shared/src/key/`, `shared/src/*/parse.ts`, `infra/{sim}/run.ts`",
    "[it](other.md#part), [code](../shared/src/key/parse.ts), [web](https://example.org/shared/x), `GET /shared/x`, [up](#a)",
  ])("paths that exist, and what is no path, are fine: %s", (text) => {
    expect(found({ ...files, "docs/a.md": text })).toEqual([]);
  });
});

describe("failure modes", () => {
  const path = "infra/sim/a.test.ts";
  const title = "what was revoked stays revoked";
  const rowOf = (tests: string, cell: string) =>
    found({ [path]: tests, "docs/failure-modes.md": `| failure | proof |\n|---|---|\n| fire | ${cell} |` });
  const tests = `test("${title}, always", () => {});`;

  test.each([`test("${title}", f);`, tests, `describe("x", () => { it.each([1])("${title}", f); });`])(
    "a row may name a test by the beginning of its title: %s",
    (text) => {
      expect(rowOf(text, `\`${path}\` “${title}”`)).toEqual([]);
    },
  );

  test.each([
    [tests, "nothing"],
    [tests, `\`${path}\``],
    [tests, `\`${path}\` “what was”`],
    [tests, `\`${path}\` “${title}, at times”`],
    [tests, `\`${path}\` “${title}” and \`${path}\` “${title}, at times”`],
    [`test.skip("${title}", f);`, `\`${path}\` “${title}”`],
    [`// test("${title}", f);`, `\`${path}\` “${title}”`],
  ])("a row without a test that exists and runs is refused: %s %s", (text, cell) => {
    expect(rowOf(text, cell)).toEqual(["docs/failure-modes.md:3 failure-row"]);
  });
});

test("a file that cannot be parsed is a violation and hides none of the others", () => {
  expect(found({ "infra/sim/a.ts": "const =", "infra/sim/b.ts": "let a: any;" })).toEqual([
    "infra/sim/a.ts:1 parse",
    "infra/sim/b.ts:1 no-any",
  ]);
});
