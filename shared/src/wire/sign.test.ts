import { describe, expect, it } from "vitest";
import { fromBase64Url, GENESIS_CHAIN_BYTES, nextChain, toBase64Url } from "./chain.ts";
import { GENESIS_CHAIN } from "./scalars.ts";
import { createSign, createVerify } from "./sign.ts";

const text = new TextEncoder();

async function keyPair(kid: string) {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const { x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { sign: createSign(pair.privateKey, kid), public: { kid, x: x ?? "" } };
}

describe("a signed message", () => {
  it("is opened to the exact bytes that were signed, by whoever pinned the key", async () => {
    const key = await keyPair("k1");
    const verify = await createVerify([key.public]);
    const payload = text.encode('{"a": 1,\n "b":2}');
    expect(await verify("clv-delta+jws", await key.sign("clv-delta+jws", payload))).toEqual(payload);
  });

  it("is nothing when it was signed as another type of message", async () => {
    const key = await keyPair("k1");
    const verify = await createVerify([key.public]);
    expect(await verify("clv-fresh+jws", await key.sign("clv-delta+jws", text.encode("{}")))).toBeUndefined();
  });

  it("is nothing when any one character of it is another", async () => {
    const key = await keyPair("k1");
    const verify = await createVerify([key.public]);
    const jws = await key.sign("clv-delta+jws", text.encode('{"rev":7}'));
    for (let at = 0; at < jws.length; at++) {
      // The last character of a base64url group may carry unused bits: flip one that always counts.
      const other = jws[at] === "A" ? "Q" : "A";
      const forged = jws.slice(0, at) + other + jws.slice(at + 1);
      const opened = await verify("clv-delta+jws", forged);
      if (opened !== undefined) expect(new TextDecoder().decode(opened)).toBe('{"rev":7}');
      if (at < jws.length - 1) expect(opened, `character ${at}`).toBeUndefined();
    }
  });

  it("is nothing when a stranger signed it under a known kid, or brought his own key", async () => {
    const ours = await keyPair("k1");
    const theirs = await keyPair("k1");
    const verify = await createVerify([ours.public]);
    expect(
      await verify("clv-delta+jws", await theirs.sign("clv-delta+jws", text.encode("{}"))),
    ).toBeUndefined();
    const header = toBase64Url(text.encode(JSON.stringify({ alg: "none", typ: "clv-delta+jws", kid: "k1" })));
    expect(await verify("clv-delta+jws", `${header}.${toBase64Url(text.encode("{}"))}.`)).toBeUndefined();
  });
});

describe("the chain", () => {
  it("starts at 32 zero bytes", () => {
    expect(fromBase64Url(GENESIS_CHAIN)).toEqual(GENESIS_CHAIN_BYTES);
  });

  it("depends on every byte of the payload and on everything before it", async () => {
    const one = await nextChain(GENESIS_CHAIN, text.encode("a"));
    expect(await nextChain(GENESIS_CHAIN, text.encode("b"))).not.toBe(one);
    expect(await nextChain(one, text.encode("a"))).not.toBe(one);
    expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it("is SHA-256(prev || SHA-256(payload)), so that anybody can recompute it", async () => {
    const digest = async (bytes: Uint8Array) =>
      new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
    const inner = await digest(text.encode("payload"));
    const expected = await digest(new Uint8Array([...GENESIS_CHAIN_BYTES, ...inner]));
    expect(await nextChain(GENESIS_CHAIN, text.encode("payload"))).toBe(toBase64Url(expected));
  });
});
