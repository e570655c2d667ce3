import { createAccount, createOperator, createUser, fromPublic } from "@nats-io/nkeys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base32, isNkey, nkeyOf } from "./nkey.ts";

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("NATS keys", () => {
  test("NATS's own library reads our public keys and verifies our signatures", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.constantFrom("operator" as const, "account" as const, "user" as const),
        fc.uint8Array({ maxLength: 64 }),
        (seed, role, message) => {
          const key = nkeyOf(role, seed);
          expect(fromPublic(key.publicKey).verify(message, key.sign(message))).toBe(true);
          expect(isNkey(role, key.publicKey)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("its keys are recognised by their role only", () => {
    for (const [role, pair] of [
      ["operator", createOperator()],
      ["account", createAccount()],
      ["user", createUser()],
    ] as const) {
      const text = pair.getPublicKey();
      expect(["operator", "account", "user"].filter((other) => isNkey(other as typeof role, text))).toEqual([
        role,
      ]);
    }
  });

  test("a changed character breaks the checksum", () => {
    const text = createUser().getPublicKey();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 54 }),
        fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        (at, letter) => {
          fc.pre(text[at] !== letter);
          expect(isNkey("user", text.slice(0, at) + letter + text.slice(at + 1))).toBe(false);
        },
      ),
    );
    expect(isNkey("user", "U0")).toBe(false);
    expect(isNkey("user", "")).toBe(false);
  });

  test("base32 is RFC 4648's, unpadded", () => {
    const vectors = {
      "": "",
      f: "MY",
      fo: "MZXQ",
      foo: "MZXW6",
      foob: "MZXW6YQ",
      fooba: "MZXW6YTB",
      foobar: "MZXW6YTBOI",
    };
    for (const [plain, encoded] of Object.entries(vectors)) expect(base32(Buffer.from(plain))).toBe(encoded);
  });
});
