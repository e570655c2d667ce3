/** What the first version that was complete has written is still understood: a gateway's folder, and what came over the wire. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readHistory } from "@claviger/gateway/follow/read-message";
import { createIdentityFile } from "@claviger/gateway/runtime/node/identity";
import { createVerify } from "@claviger/shared/wire/sign";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runClaviger } from "../cli/testing/terminal.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");
const recorded = join(import.meta.dirname, "first");

interface Expected {
  readonly masterKey: string;
  readonly organizationId: string;
  readonly keys: Readonly<Record<string, { readonly id: string; readonly secret: string }>>;
  readonly newSecret: string;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(recorded, name), "utf8"));
const expected = read("expected.json") as Expected;
const { deltas } = read("wire.json") as { deltas: { rev: string; jws: string; chain: string }[] };

let home: string;
let gateway: ChildProcess;
let url: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "claviger-recorded-"));
  cpSync(join(recorded, "folder"), join(home, "0"), { recursive: true });
  const env = {
    PATH: "/usr/bin:/bin",
    // Nobody is there: all that it knows is what the folder says.
    CLAVIGER_CONTROL_PLANE_URL: "http://127.0.0.1:9",
    CLAVIGER_GATEWAY_HOME: home,
    CLAVIGER_GATEWAY_MASTER_KEY: expected.masterKey,
    PORT: "0",
  };
  const main = join(CHECKOUT, "gateway/src/runtime/node/main.ts");
  gateway = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  url = await new Promise<string>((found, reject) => {
    let said = "";
    gateway.stdout?.on("data", (chunk) => {
      said += String(chunk);
      const [, port] = /"port":(\d+),"msg":"gateway listens"/.exec(said) ?? [];
      if (port !== undefined) found(`http://127.0.0.1:${port}`);
    });
    gateway.once("exit", () => reject(new Error(said)));
  });
}, 120_000);
afterAll(async () => {
  if (gateway?.exitCode === null) {
    gateway.kill("SIGTERM");
    await once(gateway, "exit");
  }
  rmSync(home, { recursive: true, force: true });
}, 120_000);

async function use(secret: string): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: '{"model": "sandbox/echo", "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}]}',
  });
  const { error } = (await response.json()) as { error?: { code: string } };
  return `${response.status} ${error?.code}`;
}

const secretOf = (name: string) => expected.keys[name]?.secret ?? "";

test("a folder of then: who was dead is dead, by the reason of then, and nobody else is called dead", async () => {
  expect(await use(secretOf("revoked"))).toBe("401 key_revoked");
  expect(await use(secretOf("inactive"))).toBe("401 key_inactive");
  expect(await use(secretOf("rotated"))).toBe("401 key_rotated");
  expect(await use(secretOf("deleted"))).toMatch(/^401 /);
  expect(await use(secretOf("plain").replace(/.{6}$/, "000000"))).toBe("401 invalid_api_key");
  // Served until its staleness, by a share that has to be asked for where it is limited, from a provider that is gone; or as old as that.
  for (const secret of [secretOf("plain"), secretOf("narrow"), secretOf("budgeted"), expected.newSecret]) {
    expect(await use(secret)).toMatch(/^(429|502|503|504) (?!no_configuration)/);
  }
});

test("its audit chain holds, with what was added to it now", async () => {
  const env = { CLAVIGER_GATEWAY_HOME: home, CLAVIGER_GATEWAY_MASTER_KEY: expected.masterKey };
  const { exitCode, lines } = await runClaviger(["audit", "verify"], { env });
  expect([exitCode, lines]).toEqual([0, [expect.stringMatching(/^0 rep_\w+: ok, \d+ links/)]]);
});

test("every signed change of then is verified and read, and its chain is that of then", async () => {
  const key = new Uint8Array(Buffer.from(expected.masterKey, "base64"));
  const identity = await createIdentityFile(join(recorded, "folder"), key, "0").read();
  const verify = await createVerify(identity?.enrolled?.verificationKeys ?? []);
  expect(deltas.length).toBeGreaterThan(10);
  for (const { jws, rev, chain } of deltas) {
    expect(await readHistory(verify, jws)).toMatchObject({
      type: "delta",
      chainAfter: chain,
      delta: { rev: Number(rev), org: expected.organizationId },
    });
  }
});
