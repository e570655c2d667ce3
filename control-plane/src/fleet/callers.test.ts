import { type CallContent, courierHeaders, signCourierCall } from "@claviger/shared/wire/courier-call";
import { beforeEach, expect, test } from "vitest";
import type { Ports } from "../ports.ts";
import { type Authenticate, createCallers } from "./callers.ts";
import { nkeyOf } from "./nkey.ts";

const NOW = 1_790_000_000_000;
const MINUTE = 60_000;
const SENDER = { orgId: "org_000000000001", replicaId: "rep_000000000001" };
const content: CallContent = { method: "POST", target: "/gateway/v1/sync", body: new Uint8Array([1]) };
const nkey = nkeyOf("user", new Uint8Array(32).fill(3));

let nowMs = NOW;
let attached = true;
let authenticate: Authenticate;

beforeEach(() => {
  nowMs = NOW;
  attached = true;
  const rows = { from: () => ({ where: async () => (attached ? [SENDER] : []) }) };
  const db = { select: () => rows } as unknown as Ports["db"];
  const taken = new Set<string>();
  const takeNonce = async (key: string, nonce: string) => taken.size < taken.add(`${key} ${nonce}`).size;
  authenticate = createCallers({ db, sign: async () => "a.b.c", clock: { nowMs: () => nowMs } }, takeNonce);
});

let calls = 0;

/** A call signed at that moment of the caller's clock. */
async function signed(timeMs: number, by = nkey) {
  calls += 1;
  const caller = { key: by.publicKey, timeMs, nonce: `nonce-of-the-tests-${calls}` };
  return signCourierCall(content, caller, (bytes) => by.sign(bytes));
}

/** Who that is, or the code of the refusal. */
async function heard(headers: Record<string, string>, what = content): Promise<unknown> {
  try {
    return await authenticate((name) => headers[name] ?? null, what);
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("an attached replica is who signed, once", async () => {
  const call = await signed(NOW);
  expect(await heard(call)).toEqual(SENDER);
  expect(await heard(call)).toBe("replica_call_repeated");
});

test("a time is borne up to five minutes off, either way, and not a millisecond more", async () => {
  for (const offMs of [-5 * MINUTE, 5 * MINUTE]) {
    expect(await heard(await signed(NOW + offMs))).toEqual(SENDER);
    expect(await heard(await signed(NOW + offMs + Math.sign(offMs)))).toBe("replica_clock");
  }
});

test("a refused call leaves no trace: its nonce is as good as new", async () => {
  const call = await signed(NOW);
  expect(await heard(call, { ...content, body: new Uint8Array([2]) })).toBe("invalid_replica");
  attached = false;
  expect(await heard(call)).toBe("invalid_replica");
  attached = true;
  expect(await heard(call)).toEqual(SENDER);
});

test("only who can sign is told about times and repetitions", async () => {
  const call = await signed(NOW - 60 * MINUTE);
  const forged = { ...call, [courierHeaders.signature]: "A".repeat(86) };
  expect(await heard(forged)).toBe("invalid_replica");
  expect(await heard(call)).toBe("replica_clock");
});

test("a key of another role, or one whose checksum is wrong, is nobody", async () => {
  const account = nkeyOf("account", new Uint8Array(32).fill(3));
  expect(await heard(await signed(NOW, { ...nkey, publicKey: account.publicKey }))).toBe("invalid_replica");
  const last = nkey.publicKey.endsWith("A") ? "B" : "A";
  const broken = `${nkey.publicKey.slice(0, -1)}${last}`;
  expect(await heard(await signed(NOW, { ...nkey, publicKey: broken }))).toBe("invalid_replica");
});
