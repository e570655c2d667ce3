import { expect, test } from "vitest";
import type { SharedKeys } from "../ports.ts";
import { openSession, type SessionBound, type SessionContent, sealSession } from "./session.ts";

const bound: SessionBound = { organizationId: "org_000000000001", keyId: "key_1", scope: "files" };
const content: SessionContent = {
  upstreams: { mcp_000000000001: { session: "upstream-1", url: "https://mcp.example.com/mcp" } },
  client: null,
};

async function keysOf(...ids: string[]): Promise<SharedKeys> {
  const made = new Map<string, { id: string; key: CryptoKey }>();
  for (const id of ids) {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
    made.set(id, { id, key });
  }
  return { newest: () => [...made.values()].at(-1), byId: (id) => made.get(id) };
}

test("a session opens for whoever it was sealed for, on every replica that has the key, and shows nothing", async () => {
  const keys = await keysOf("dek_1", "dek_2");
  const token = (await sealSession(keys, bound, content)) ?? "";
  expect(token).toMatch(/^dek_2\.[A-Za-z0-9_-]+$/);
  expect(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))).not.toContain(
    "upstream",
  );
  expect(await openSession(keys, bound, token)).toEqual(content);
  expect(await sealSession(keys, bound, content)).not.toBe(token);
});

test("for another organization, key or address it is nothing; nor changed, cut, or under another key", async () => {
  const keys = await keysOf("dek_1");
  const token = (await sealSession(keys, bound, content)) ?? "";
  for (const other of [
    { ...bound, organizationId: "org_000000000002" },
    { ...bound, keyId: "key_2" },
    { ...bound, scope: "" },
    { ...bound, scope: "file" },
    { ...bound, keyId: "key_1\nfiles", scope: "" },
  ]) {
    expect(await openSession(keys, other, token)).toBeUndefined();
  }
  const [, sealed = ""] = token.split(".");
  for (let at = 0; at < sealed.length; at += 7) {
    // Of the last character only the upper bits count: "B" would be the same as "A" there.
    const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "w" : "A"}${sealed.slice(at + 1)}`;
    expect(await openSession(keys, bound, `dek_1.${changed}`)).toBeUndefined();
  }
  for (const text of [
    "",
    "dek_1",
    "dek_1.",
    `dek_9.${sealed}`,
    sealed,
    `${token}=`,
    `${token} `,
    token.slice(0, -8),
  ]) {
    expect(await openSession(keys, bound, text)).toBeUndefined();
  }
  expect(await openSession(await keysOf("dek_1"), bound, token)).toBeUndefined();
});

test("without a key, or with more than a header can hold, there is none", async () => {
  expect(await sealSession(await keysOf(), bound, content)).toBeUndefined();
  const large = { ...content, client: { name: "x".repeat(9_000) } };
  expect(await sealSession(await keysOf("dek_1"), bound, large)).toBeUndefined();
});
