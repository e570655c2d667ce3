import { describe, expect, it } from "vitest";
import {
  type CallContent,
  courierHeaders,
  isSignedBy,
  readCallClaim,
  signCourierCall,
} from "./courier-call.ts";

const KEY = `U${"A".repeat(55)}`;
const text = new TextEncoder();

async function keyPair() {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const publicBytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { publicBytes, privateKey: pair.privateKey };
}

const content: CallContent = {
  method: "POST",
  target: "/gateway/v1/wait?revision=1.7",
  body: text.encode('{"v":1}'),
};

type Headers = Record<string, string>;

/** The call as it was signed, and what somebody who reads other headers or another content makes of it. */
async function signed() {
  const { publicBytes, privateKey } = await keyPair();
  let bytes = new Uint8Array();
  const caller = { key: KEY, timeMs: 1_790_000_000_123, nonce: "n".repeat(24) };
  // The signer is synchronous, and WebCrypto is not: the first pass only learns the bytes.
  await signCourierCall(content, caller, (given) => {
    bytes = new Uint8Array(given);
    return new Uint8Array(64);
  });
  const signature = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, privateKey, bytes));
  const headers: Headers = await signCourierCall(content, caller, () => signature);
  const holds = async (read: Headers, heard: CallContent, by = publicBytes) => {
    const claim = readCallClaim((name) => read[name] ?? null);
    return claim !== undefined && (await isSignedBy(by, heard, claim));
  };
  return { headers, holds, publicBytes };
}

/** Every text that differs in one bit of one character. */
function* flips(of: string): Generator<string> {
  for (let at = 0; at < of.length; at++) {
    for (let bit = 0; bit < 7; bit++) {
      yield of.slice(0, at) + String.fromCharCode(of.charCodeAt(at) ^ (1 << bit)) + of.slice(at + 1);
    }
  }
}

describe("a signed call", () => {
  it("is its signer's as it stands", async () => {
    const { headers, holds } = await signed();
    expect(await holds(headers, content)).toBe(true);
    expect(Object.keys(headers).sort()).toEqual(Object.values(courierHeaders).sort());
  });

  it.each(Object.values(courierHeaders))("is nobody's when any bit of %s is another", async (name) => {
    const { headers, holds } = await signed();
    let tried = 0;
    for (const forged of flips(headers[name] ?? "")) {
      tried += 1;
      expect(await holds({ ...headers, [name]: forged }, content), `${name}: ${forged}`).toBe(false);
    }
    expect(tried).toBeGreaterThan(90);
  });

  it("is nobody's when any bit of its method, path, query or body is another", async () => {
    const { headers, holds } = await signed();
    for (const method of flips(content.method))
      expect(await holds(headers, { ...content, method })).toBe(false);
    for (const target of flips(content.target))
      expect(await holds(headers, { ...content, target })).toBe(false);
    for (let at = 0; at < content.body.length * 8; at++) {
      const body = new Uint8Array(content.body);
      body[at >> 3] = (body[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(await holds(headers, { ...content, body })).toBe(false);
    }
    expect(await holds(headers, { ...content, body: new Uint8Array() })).toBe(false);
  });

  it("is nobody's for another public key, however short or long its bytes are", async () => {
    const { headers, holds, publicBytes } = await signed();
    const other = await keyPair();
    expect(await holds(headers, content, other.publicBytes)).toBe(false);
    expect(await holds(headers, content, publicBytes.subarray(1))).toBe(false);
    expect(await holds(headers, content, new Uint8Array())).toBe(false);
  });

  it("cannot be read when a header is missing, empty, longer, or written in another way", async () => {
    const { headers, holds } = await signed();
    for (const name of Object.values(courierHeaders)) {
      const { [name]: value = "", ...rest } = headers;
      for (const read of [rest, { ...headers, [name]: "" }, { ...headers, [name]: `${value}A` }]) {
        expect(await holds(read, content), name).toBe(false);
      }
      expect(await holds({ ...headers, [name]: ` ${value}` }, content), name).toBe(false);
      expect(await holds({ ...headers, [name]: `${value}=` }, content), name).toBe(false);
    }
    expect(
      await holds({ ...headers, [courierHeaders.time]: `0${headers[courierHeaders.time]}` }, content),
    ).toBe(false);
  });
});
