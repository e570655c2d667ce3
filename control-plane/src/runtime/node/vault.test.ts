import { expect, test } from "vitest";
import { passwords } from "./passwords.ts";
import { createVault } from "./vault.ts";

const secret = new TextEncoder().encode("a seed of 32 bytes");

test("what was wrapped opens under the same key and context only, and flipping any byte is noticed", async () => {
  const vault = await createVault(new Uint8Array(32).fill(1));
  const other = await createVault(new Uint8Array(32).fill(2));
  const wrapped = await vault.wrap(secret, "data_key|org_a|dek_1");
  expect(await vault.unwrap(wrapped, "data_key|org_a|dek_1")).toEqual(secret);
  await expect(vault.unwrap(wrapped, "data_key|org_b|dek_1")).rejects.toThrow("CLAVIGER_KEK");
  await expect(other.unwrap(wrapped, "data_key|org_a|dek_1")).rejects.toThrow("CLAVIGER_KEK");
  for (let at = 0; at < wrapped.length; at++) {
    const flipped = new Uint8Array(wrapped);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    await expect(vault.unwrap(flipped, "data_key|org_a|dek_1")).rejects.toThrow();
  }
  expect(await vault.wrap(secret, "x")).not.toEqual(await vault.wrap(secret, "x"));
});

test("a password verifies against its argon2id hash only, and every hash has its own salt", async () => {
  const hash = await passwords.hash("correct horse battery staple");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await passwords.verify("correct horse battery staple", hash)).toBe(true);
  expect(await passwords.verify("correct horse battery stapl", hash)).toBe(false);
  expect(await passwords.verify("x", "not a hash")).toBe(false);
  expect(await passwords.hash("correct horse battery staple")).not.toBe(hash);
});
