import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { afterAll, expect, test } from "vitest";
import { mountDashboard } from "./dashboard.ts";
import type { HttpEnv } from "./mount.ts";

const folder = mkdtempSync(join(tmpdir(), "claviger-dashboard-"));
mkdirSync(join(folder, "assets"));
writeFileSync(join(folder, "index.html"), "<!doctype html><title>page</title>");
writeFileSync(join(folder, "assets/index-abc.js"), "export {};");
writeFileSync(join(folder, "secret.txt"), "not to be served");
afterAll(() => rmSync(folder, { recursive: true }));

const app = new Hono<HttpEnv>();
mountDashboard(app, folder);

test("29: pages come with a policy that names this origin alone, and no inline script", async () => {
  const answer = await app.request("/dashboard/keys/key_7Hq2mXv9Rt4L");
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("<title>page</title>");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
  expect(answer.headers.get("cache-control")).toBe("no-cache");
});

test("files with a digest in their name are kept for good, packed for who can unpack", async () => {
  const answer = await app.request("/dashboard/assets/index-abc.js", {
    headers: { "accept-encoding": "gzip" },
  });
  expect(answer.headers.get("cache-control")).toContain("immutable");
  expect(answer.headers.get("content-encoding")).toBe("gzip");
  expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
});

test("nothing but the build's own files leaves the folder", async () => {
  for (const path of [
    "/dashboard/secret.txt",
    "/dashboard/..%2fpackage.json",
    "/dashboard/assets/..%2f..%2fsecret.txt",
  ]) {
    expect(await (await app.request(path)).text()).toContain("<title>page</title>");
  }
});

test("the paths that users know from elsewhere lead to the same pages", async () => {
  const lead: Record<string, string> = {
    "/": "/dashboard/keys",
    "/dashboard": "/dashboard/keys",
    "/dashboard/configuration/api-keys": "/dashboard/keys",
    "/admin/projects/prj_1/settings/api-keys": "/dashboard/projects/prj_1/api-access/api-keys",
    "/admin/projects/prj_1/settings/llm-api-keys": "/dashboard/projects/prj_1/api-access/llm-keys",
  };
  for (const [from, to] of Object.entries(lead)) {
    const answer = await app.request(from);
    expect([answer.status, answer.headers.get("location")]).toEqual([302, to]);
  }
});
