import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../testing/seeded-random.ts";
import { BASE62, type RandomBytes, randomBase62, toBase62 } from "./base62.ts";
import { sameBytes, sameText } from "./constant-time.ts";
import { makeId } from "./id.ts";
import {
  makeApiKey,
  makeToken,
  parseApiKey,
  parseToken,
  preview,
  remakeSecret,
  SECRET_PATTERN,
  type TokenKind,
  tokenPrefixes,
} from "./secret.ts";

const random: RandomBytes = (length) => new Uint8Array(randomBytes(length));
const seeds = fc.integer();

describe("an API key", () => {
  test("reads back as the id it was made with, after rotation too", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const bytes = seededRandom(seed).bytes;
        const { id, secret, preview: shown } = makeApiKey(bytes);
        expect(secret).toMatch(/^clv_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
        expect(parseApiKey(secret)).toEqual({ kind: "apiKey", keyId: id, secret });
        const next = remakeSecret(id, bytes);
        expect(next).not.toBe(secret);
        expect(parseApiKey(next)).toEqual({ kind: "apiKey", keyId: id, secret: next });
        expect(shown).toBe(`clv_live_${id.slice(4, 8)}…${secret.slice(61, 65)}`);
        expect(shown).toBe(preview(secret));
      }),
    );
  });

  test("with one character changed, or two neighbours swapped, is never accepted", () => {
    const character = fc.constantFrom(...BASE62);
    fc.assert(
      fc.property(seeds, fc.nat(70), character, fc.boolean(), (seed, at, other, swap) => {
        const { secret } = makeApiKey(seededRandom(seed).bytes);
        const replaced = secret.slice(0, at) + other + secret.slice(at + 1);
        const swapped = secret.slice(0, at) + (secret[at + 1] ?? "") + secret[at] + secret.slice(at + 2);
        const changed = swap ? swapped : replaced;
        fc.pre(changed !== secret);
        expect(parseApiKey(changed).kind).not.toBe("apiKey");
      }),
      { numRuns: 2000 },
    );
  });

  test("of any other form is malformed", () => {
    const { secret } = makeApiKey(random);
    const pat = makeToken("personalAccess", random);
    for (const text of ["", "sk-abc", `${secret} `, `${secret}\n`, ` ${secret}`, secret.slice(1), pat]) {
      expect(parseApiKey(text)).toEqual({ kind: "malformed" });
    }
    fc.assert(fc.property(fc.string(), (text) => parseApiKey(text).kind === "malformed"));
  });

  test("cannot be made for another noun's id", () => {
    expect(() => remakeSecret("llm_000000000000", random)).toThrow();
    expect(() => remakeSecret("key_../000000000", random)).toThrow();
  });
});

describe("the other credentials", () => {
  const kinds = Object.keys(tokenPrefixes) as TokenKind[];
  test.each(kinds)("%s reads back as its kind, and one wrong character is found", (token) => {
    const secret = makeToken(token, random);
    expect(parseToken(secret)).toEqual({ kind: "token", token, secret });
    const wrong = secret.slice(0, -1) + (secret.endsWith("a") ? "b" : "a");
    expect(parseToken(wrong)).toEqual({ kind: "badChecksum" });
    const renamed = secret.replace(/^clv./, secret.startsWith("clvp") ? "clvt" : "clvp");
    expect(parseToken(renamed)).toEqual({ kind: "badChecksum" });
    expect(parseToken(makeApiKey(random).secret)).toEqual({ kind: "malformed" });
  });

  test("are found by the published pattern anywhere in a text, and ids and previews are not", () => {
    const key = makeApiKey(random);
    const secrets = [key.secret, ...kinds.map((kind) => makeToken(kind, random)), "clve_eyJh.eyJz.c2ln"];
    const text = secrets.map((secret) => `const k = "${secret}";`).join("\n");
    expect(text.match(new RegExp(SECRET_PATTERN, "g"))).toEqual(secrets);
    expect(`${key.id} ${key.preview}`).not.toMatch(new RegExp(SECRET_PATTERN));
  });
});

describe("randomness", () => {
  test("every digit is equally likely at every place (chi-square, 61 degrees of freedom)", () => {
    const { bytes } = seededRandom(7);
    const counts = new Map<string, number>();
    const digits = 62 * 2000;
    for (const digit of randomBase62(bytes, digits)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0);
    expect(counts.size).toBe(62);
    // 99.99 % of fair sources stay below 110; `byte % 62` alone gives about 1 000 here.
    expect(chi).toBeLessThan(110);
  });

  test("a broken source of random bytes throws, and never yields a guessable secret", () => {
    expect(() => makeApiKey((length) => new Uint8Array(length).fill(255))).toThrow(/broken/);
    expect(() => makeApiKey(() => new Uint8Array(0))).toThrow(/broken/);
  });

  test("an id is its prefix and twelve digits", () => {
    expect(makeId("gw", random)).toMatch(/^gw_[0-9A-Za-z]{12}$/);
  });
});

test("base62 keeps the order of numbers and their width", () => {
  expect([0, 61, 62, 2 ** 32 - 1].map((n) => toBase62(n, 6))).toEqual([
    "000000",
    "00000z",
    "000010",
    "4gfFC3",
  ]);
});

test("constant-time equality is equality", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), (a, b) => {
      const encode = (text: string) => new TextEncoder().encode(text);
      expect(sameText(a, b)).toBe(a === b);
      expect(sameBytes(encode(a), encode(b))).toBe(Buffer.from(a).equals(Buffer.from(b)));
    }),
    {
      examples: [
        ["", ""],
        ["ab", "ab"],
        ["ab", "ac"],
        ["a", "ab"],
      ],
    },
  );
});
