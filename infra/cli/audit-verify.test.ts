import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { newIdentity } from "@claviger/gateway/identity/identity";
import { createIdentityFile } from "@claviger/gateway/runtime/node/identity";
import { openLogStore } from "@claviger/gateway/runtime/node/log-store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runClaviger } from "./testing/terminal.ts";

const REPLICA = "rep_000000000001";
const KEY = Buffer.alloc(32, 7);

const ENROLLED = {
  ...{ v: 1 as const, organizationId: "org_000000000001", gatewayId: "gw_000000000001", gatewayName: "eu-1" },
  ...{ region: "eu", natsJwt: "", natsUrls: [], dataKeys: [], cpTimeMs: 1 },
  verificationKeys: [{ kid: "k", x: "A".repeat(43) }],
};

let home: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "claviger-audit-"));
  await writeLog("0");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A slot's log as a gateway leaves it: five changes. */
async function writeLog(slot: string): Promise<void> {
  mkdirSync(join(home, slot), { recursive: true });
  const store = await openLogStore(join(home, slot, "log.sqlite"), REPLICA);
  const actor = { kind: "member", id: "mem_000000000001", name: "a@b" };
  const entries = [1, 2, 3, 4, 5].map((rev) => ({
    ...{ kind: "change" as const, atMs: 1000 + rev },
    audit: {
      kind: "change" as const,
      epoch: 1,
      rev,
      action: "api-key.revoke",
      actor,
      ids: ["key_000000000001"],
    },
  }));
  await store.append({ entries, usageCursor: 0 } as Parameters<typeof store.append>[0]);
  await store.close();
}

/** Changes the log behind the gateway's back. */
function tamper(sql: string, slot = "0"): void {
  const db = new DatabaseSync(join(home, slot, "log.sqlite"));
  db.exec(sql);
  db.close();
}

async function verify(args: string[] = ["--replica", REPLICA], env: Record<string, string> = {}) {
  const all = { CLAVIGER_GATEWAY_HOME: home, ...env };
  const { exitCode, lines, error } = await runClaviger(["audit", "verify", ...args], { env: all });
  return { exitCode, lines, error };
}

test("a chain that holds is ok with its head, and whoever saw a head before finds it again (I21)", async () => {
  const { exitCode, lines } = await verify();
  expect([exitCode, lines]).toEqual([
    0,
    [expect.stringMatching(/^0 rep_000000000001: ok, 5 links, head 5:.{43}$/)],
  ]);
  const head = lines[0]?.split("head ")[1] ?? "";
  expect(await verify(["--replica", REPLICA, "--head", head])).toMatchObject({ exitCode: 0 });
});

test.each([
  ["an edited entry", "UPDATE entry SET audit = replace(audit, 'revoke', 'create') WHERE audit_n = 3", 3, 2],
  ["an edited time", "UPDATE entry SET at_ms = at_ms + 1 WHERE audit_n = 2", 2, 1],
  ["a deleted entry", "DELETE FROM entry WHERE audit_n = 4", 5, 3],
  ["an unreadable entry", "UPDATE entry SET audit = '{' WHERE audit_n = 1", 1, 0],
  ["a deleted first entry", "DELETE FROM entry WHERE audit_n = 1", 2, 0],
])("%s: the first broken link, and exit code 1", async (_name, sql, link, holds) => {
  tamper(sql);
  expect(await verify()).toEqual({
    exitCode: 1,
    lines: [`0 ${REPLICA}: broken at link ${link} (the last that holds is ${holds})`],
    error: "1 of 1 audit chains do not hold",
  });
});

test("newest links that were cut off are seen by whoever saw the head, and so is a chain that was written anew (I21)", async () => {
  const head = (await verify()).lines[0]?.split("head ")[1] ?? "";
  tamper("DELETE FROM entry WHERE audit_n = 5");
  expect(await verify()).toMatchObject({ exitCode: 0 });
  expect(await verify(["--replica", REPLICA, "--head", head])).toMatchObject({
    exitCode: 1,
    lines: [`0 ${REPLICA}: cut off: it ends at link 4, and link 5 was seen`],
  });
  const other = `3:${"A".repeat(43)}`;
  expect((await verify(["--replica", REPLICA, "--head", other])).lines).toEqual([
    `0 ${REPLICA}: another chain: link 3 is not the one seen`,
  ]);
});

test("another replica's chain does not pass for one's own; whose it is, the master key reads from the folder", async () => {
  expect(await verify(["--replica", "rep_000000000002"])).toMatchObject({ exitCode: 1 });
  const identity = await newIdentity();
  const enrolled = { ...ENROLLED, replicaId: REPLICA };
  await createIdentityFile(join(home, "0"), KEY, "0").write({ ...identity, enrolled });
  const env = { CLAVIGER_GATEWAY_MASTER_KEY: KEY.toString("base64") };
  expect(await verify([], env)).toMatchObject({ exitCode: 0 });
  const another = { CLAVIGER_GATEWAY_MASTER_KEY: Buffer.alloc(32, 8).toString("base64") };
  expect(await verify([], another)).toMatchObject({
    exitCode: 2,
    error: expect.stringContaining("cannot be opened"),
  });
});

test("every replica of a home is walked, and one broken chain among them is the exit code", async () => {
  mkdirSync(join(home, "1"));
  copyFileSync(join(home, "0", "log.sqlite"), join(home, "1", "log.sqlite"));
  const identity = { ...(await newIdentity()), enrolled: { ...ENROLLED, replicaId: REPLICA } };
  for (const slot of ["0", "1"]) await createIdentityFile(join(home, slot), KEY, slot).write(identity);
  tamper("DELETE FROM entry WHERE audit_n = 2", "1");
  const env = { CLAVIGER_GATEWAY_MASTER_KEY: KEY.toString("base64") };
  const { exitCode, lines, error } = await verify([], env);
  expect([exitCode, error]).toEqual([1, "1 of 2 audit chains do not hold"]);
  expect(lines[0]).toContain("ok, 5 links");
  expect(lines[1]).toContain("broken at link 3");
});

test.each([
  [[], "set CLAVIGER_GATEWAY_MASTER_KEY, or name the replica with --replica: a chain begins with its id"],
  [["--slot", "9", "--replica", REPLICA], /9 holds no audit log$/],
  [["--head", "5"], "--head must be N:HASH, as this command prints it"],
  [["--colour"], "unknown option '--colour'"],
])("what is asked for wrongly is exit code 2: %j", async (args, error) => {
  const answer = await verify(args);
  expect([answer.exitCode, answer.error]).toEqual([2, expect.stringMatching(error)]);
});
