/** The command line against a running stack: from signing in to a key that is used, revoked and gone. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runClaviger } from "../cli/testing/terminal.ts";
import type { Stack } from "../local/types.ts";
import { startStack } from "../testing/stack.ts";

let stack: Stack;
let config: string;
let env: Record<string, string>;
let gatewayUrl: string;

beforeAll(async () => {
  config = mkdtempSync(join(tmpdir(), "claviger-config-"));
  stack = await startStack();
  gatewayUrl = stack.urls.gateways["eu-1"] ?? "";
  env = { CLAVIGER_CONFIG_DIR: config, CLAVIGER_GATEWAY_URL: gatewayUrl };
});
afterAll(async () => {
  await stack?.stop();
  rmSync(config, { recursive: true, force: true });
});

const run = (line: string, more: { input?: string[]; env?: Record<string, string> } = {}) =>
  runClaviger(wordsOf(line), { input: more.input ?? [], env: { ...env, ...more.env } });

/** As a shell splits it; single quotes hold a word together. */
const wordsOf = (line: string) =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

/** The document that `--json` prints. */
async function json(line: string): Promise<{ data: never; meta: Record<string, never> }> {
  const { lines, exitCode, error } = await run(`${line} --json`);
  expect([exitCode, error]).toEqual([0, undefined]);
  return JSON.parse(lines.join("\n")) as { data: never; meta: Record<string, never> };
}

test("login keeps a token for its owner alone, whoami knows it, logout ends it", async () => {
  const { adminEmail, adminPassword } = stack.credentials!;
  const wrong = await run(`login --url ${stack.urls.controlPlane} --email ${adminEmail}`, {
    input: ["no such password"],
  });
  expect(wrong).toMatchObject({ exitCode: 3, error: expect.stringContaining("(invalid_credentials)") });
  const done = await run(`login --url ${stack.urls.controlPlane}`, { input: [adminEmail, adminPassword] });
  expect(done).toMatchObject({ exitCode: 0, error: undefined });
  const path = join(config, "sign-in.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { token } = Object.values(JSON.parse(readFileSync(path, "utf8")).servers)[0] as { token: string };
  expect(done.lines.join()).not.toContain(token);
  expect((await run("whoami")).lines.join("\n")).toContain(adminEmail);
  expect((await run("logout")).exitCode).toBe(0);
  const dead = await run(`projects list --url ${stack.urls.controlPlane}`, {
    env: { CLAVIGER_TOKEN: token },
  });
  expect(dead.exitCode).toBe(3);
  // The rest goes on with a token of the environment's own name, read from standard input once.
  const again = await run(`login --with-token --url ${stack.urls.controlPlane}`, {
    input: [stack.credentials!.adminToken],
  });
  expect(again.exitCode).toBe(0);
});

test("a key goes through every verb, and the gateway does as told each time", async () => {
  const made = await run(
    'keys create --name cli --requests-per-minute 1000 --expires 30d --metadata \'{"team":"red"}\' --secret-only',
  );
  expect(made).toMatchObject({ exitCode: 0, lines: [expect.stringMatching(/^clv_live_/)] });
  let key = made.lines[0]!;
  const chat = () => run("chat hello", { env: { CLAVIGER_API_KEY: key } });
  expect(await chat()).toMatchObject({ exitCode: 0, lines: [expect.stringContaining("hello")] });
  expect((await run("keys list --search cli")).lines).toEqual([
    expect.stringMatching(/^NAME +ID +KEY +OWNER +STATUS/),
    expect.stringMatching(/^cli +key_\w{12} +clv_live_\S+ +Admin +active/),
  ]);
  await run("keys edit cli --models 'sandbox/story' --note 'stories only'");
  expect(await chat()).toMatchObject({ exitCode: 3, error: expect.stringContaining("(model_not_allowed)") });
  await run("keys edit cli --models none --budget 5.00 --alert-at 50,80");
  expect((await chat()).exitCode).toBe(0);
  const shown = await json("keys show cli");
  expect(shown.data).toMatchObject({
    attributes: {
      budgetUsd: "5.00",
      note: "stories only",
      metadata: { team: "red" },
      requestsPerMinute: 1000,
    },
  });
  expect((await run("keys deactivate cli --reason 'a test'")).lines.at(-1)).toMatch(
    /^operation op_\w+: confirmed$/,
  );
  expect(await chat()).toMatchObject({ exitCode: 3, error: expect.stringContaining("(key_inactive)") });
  await run("keys activate cli");
  const token = (await run("keys token cli --ttl 60 --secret-only")).lines[0]!;
  expect((await run("models", { env: { CLAVIGER_API_KEY: token } })).exitCode).toBe(0);
  const rotated = await run("keys rotate cli --grace 60 --secret-only");
  expect((await chat()).exitCode).toBe(0);
  await run("keys end-rotation cli");
  expect(await chat()).toMatchObject({ error: expect.stringContaining("(key_rotated)") });
  key = rotated.lines[0]!;
  expect((await chat()).exitCode).toBe(0);
  expect((await run("keys revoke cli")).lines).toContainEqual(expect.stringMatching(/^confirmed by .*eu-1/));
  expect(await chat()).toMatchObject({ exitCode: 3, error: expect.stringContaining("(key_revoked)") });
  expect(await run("keys delete cli")).toMatchObject({
    exitCode: 2,
    error: expect.stringContaining("--yes"),
  });
  expect((await run("keys delete cli --yes")).exitCode).toBe(0);
  expect(await run("keys show cli")).toMatchObject({ exitCode: 4, error: 'there is no API key "cli"' });
});

test("what took something away and is not in force everywhere is exit code 6, and says where and until when", async () => {
  await run("keys create --name stuck");
  const gateway = stack.child("gateway-us-1");
  gateway.kill("SIGSTOP");
  try {
    const pending = await run("keys revoke stuck --wait 1");
    expect(pending).toMatchObject({ exitCode: 6, error: "not yet in force everywhere; see above" });
    expect(pending.lines.join("\n")).toMatch(
      /us-1 \(rep_\w+\) is (waiting|unreachable); refuses by itself at 2\d{3}-/,
    );
  } finally {
    gateway.kill("SIGCONT");
  }
  await run("keys create --name one");
  await run("keys create --name two");
  const all = await run("keys bulk revoke one two --yes --wait 60");
  expect(all).toMatchObject({ exitCode: 0 });
  expect(all.lines.filter((line) => line.endsWith(": changed"))).toHaveLength(2);
});

test("projects and LLM keys: the credential comes by standard input, and the test asks every gateway", async () => {
  expect((await run("projects create Second --budget 10.00")).exitCode).toBe(0);
  expect(await run("keys create --name x")).toMatchObject({
    exitCode: 2,
    error: expect.stringContaining("--project"),
  });
  const add = `llm-keys add sandbox --project Second --base-url ${stack.urls.sandbox}`;
  expect(await run(add, { input: ["any-credential-will-do"] })).toMatchObject({ exitCode: 0 });
  const tested = await run("llm-keys test sandbox --project Second");
  expect(tested).toMatchObject({ exitCode: 0 });
  expect(tested.lines.join("\n")).toMatch(/eu-1 +ok[\s\S]*us-1 +ok/);
  expect(
    (await run("llm-keys rotate sandbox --project Second", { input: ["another-credential"] })).exitCode,
  ).toBe(0);
  expect((await run("llm-keys delete sandbox --project Second --yes")).exitCode).toBe(0);
  expect((await run("projects edit Second --name Third --disable")).exitCode).toBe(0);
  expect((await run("projects show Third")).lines).toContainEqual(expect.stringMatching(/^enabled +false$/));
  expect((await run("projects delete Third --yes")).exitCode).toBe(0);
});

test("gateways are listed, drained and resumed, and a new one gets a token", async () => {
  expect((await run("gateways list")).lines.join("\n")).toMatch(/eu-1 +gw_\w+ +eu +node[\s\S]*us-1/);
  expect((await run("gateways drain us-1 --wait 60")).exitCode).toBe(0);
  expect((await run("gateways list")).lines.join("\n")).toContain("draining");
  expect((await run("gateways resume us-1 --wait 60")).exitCode).toBe(0);
  const token = await run("gateways enrol ap-1 --region ap --secret-only");
  expect(token.lines).toEqual([expect.stringMatching(/^clvt_/)]);
  expect((await run("gateways detach ap-1 --yes")).exitCode).toBe(0);
});

test("usage and logs: what was called is counted, shown, and followed", async () => {
  const key = (await run("keys create --name seen --secret-only")).lines[0]!;
  expect((await run("chat one", { env: { CLAVIGER_API_KEY: key } })).exitCode).toBe(0);
  await expect
    .poll(async () => (await run("usage --by model --key seen")).lines.join("\n"))
    .toMatch(/MODEL +REQUESTS[\s\S]*\n\S*echo +1 /);
  expect((await run("usage --by key --csv")).lines[0]).toContain(",");
  await expect.poll(async () => (await run("logs --key seen")).lines.length).toBe(2);
  expect((await run("audit list --action api-key.create --limit 200")).lines.join("\n")).toContain(
    "api-key.create",
  );
  const left = new AbortController();
  const waiting = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  const following = runClaviger(["logs", "--follow", "--key", "seen"], {
    env,
    left: left.signal,
    onOutput: (text) => {
      waiting.resolve();
      if (text.includes("404")) found.resolve();
    },
  });
  await waiting.promise;
  expect(await run("chat --model no/such two", { env: { CLAVIGER_API_KEY: key } })).toMatchObject({
    exitCode: 4,
  });
  await found.promise;
  left.abort();
  const { lines } = await following;
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines).toHaveLength(2);
});

test("models and chat read the key from the environment, else from standard input", async () => {
  const key = stack.credentials!.demoKey;
  const models = await run("models", { input: [key] });
  expect(models.lines.join("\n")).toMatch(/echo +sandbox/);
  const whole = await run("chat --no-stream --model sandbox/story --max-tokens 8 tell", {
    env: { CLAVIGER_API_KEY: key },
  });
  expect(whole.exitCode).toBe(0);
  const nobody = await run("models --gateway-url http://127.0.0.1:9", { env: { CLAVIGER_API_KEY: key } });
  expect(nobody.exitCode).toBe(7);
});

test("every metric that the dashboard and the alerts name is on a page that is served", async () => {
  const folder = join(import.meta.dirname, "../deploy/monitoring");
  const texts = ["grafana.json", "alerts.yaml"].map((name) => readFileSync(join(folder, name), "utf8"));
  const pages = await Promise.all(
    [gatewayUrl, stack.urls.controlPlane].map(async (url) => (await fetch(`${url}/metrics`)).text()),
  );
  const served = new Set([...pages.join("\n").matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? ""));
  const named = texts.join("\n").matchAll(/\b((?:claviger|process|nodejs)_[a-z_]+)\b/g);
  const missing = [...named]
    .map(([, name = ""]) => name.replace(/_(bucket|sum|count)$/, ""))
    .filter((name) => !served.has(name));
  expect([...new Set(missing)]).toEqual([]);
  const alerts = [...(texts[1] ?? "").matchAll(/alert: (\w+)/g)].map(([, name]) => name ?? "");
  const page = readFileSync(join(import.meta.dirname, "../../docs/operations/monitoring.md"), "utf8");
  expect(alerts.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
