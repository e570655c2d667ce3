/**
 * X.509 certificates (RFC 5280) without a tool: an authority, and servers that it vouches for. For clusters of one's own
 * and for tests; ECDSA P-256 with SHA-256 throughout.
 */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { isIP } from "node:net";

export interface Certificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly name: string;
}

export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

/** An authority that signs servers' certificates and itself. */
export function makeAuthority(name: string, validity: Validity): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const extensions = [
    extension("551d13", true, sequence(boolean(true))),
    extension("551d0f", true, bits(0x06, 1)),
    extension("551d0e", false, octets(keyId(publicKey))),
  ];
  return pemOf({ name, issuer: name, validity, publicKey, extensions }, privateKey, privateKey);
}

/** A server's certificate for these names and addresses; it may also prove a client. */
export function makeServer(
  names: readonly string[],
  validity: Validity,
  authority: Certificate,
): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const alternatives = names.map((name) =>
    isIP(name) === 0 ? tagged(0x82, Buffer.from(name)) : tagged(0x87, addressBytes(name)),
  );
  const extensions = [
    extension("551d13", true, sequence()),
    extension("551d0f", true, bits(0x80, 7)),
    extension("551d25", false, sequence(oid("2b06010505070301"), oid("2b06010505070302"))),
    extension("551d11", false, sequence(...alternatives)),
    extension("551d23", false, sequence(tagged(0x80, keyId(createPublicKey(authority.keyPem))))),
  ];
  const subject = { name: names[0] ?? "server", issuer: authority.name, validity, publicKey, extensions };
  return pemOf(subject, privateKey, authority.keyPem);
}

interface Subject {
  readonly name: string;
  readonly issuer: string;
  readonly validity: Validity;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function pemOf(subject: Subject, key: KeyObject, signer: KeyObject | string): Certificate {
  const { name, issuer, validity, publicKey, extensions } = subject;
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    // Positive, and never twice.
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    nameOf(issuer),
    sequence(time(validity.from), time(validity.to)),
    nameOf(name),
    publicKey.export({ format: "der", type: "spki" }),
    tagged(0xa3, sequence(...extensions)),
  );
  const certificate = sequence(body, algorithm, bitString(sign("sha256", body, signer)));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    certificatePem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    keyPem: key.export({ format: "pem", type: "pkcs8" }).toString(),
    name,
  };
}

/** RFC 5280 §4.2.1.2, method 1: SHA-1 of the key's bits, as a name and not for security. */
function keyId(key: KeyObject): Buffer {
  const spki = key.export({ format: "der", type: "spki" });
  return createHash("sha1").update(spki.subarray(-65)).digest();
}

/** Network order; a v6 address is spelt out by the URL parser first. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((part) => Number.parseInt(part, 16));
  const [left, right] = [groups(head), groups(tail)];
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

function tagged(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => tagged(0x30, Buffer.concat(parts));
const integer = (bytes: Uint8Array) => tagged(0x02, bytes);
const boolean = (value: boolean) => tagged(0x01, Buffer.from([value ? 0xff : 0]));
const octets = (bytes: Uint8Array) => tagged(0x04, bytes);
const oid = (hex: string) => tagged(0x06, Buffer.from(hex, "hex"));
const bitString = (bytes: Uint8Array) => tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
const bits = (value: number, unused: number) => tagged(0x03, Buffer.from([unused, value]));
const extension = (id: string, critical: boolean, value: Uint8Array) =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
const nameOf = (name: string) =>
  sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(name)))));
/** GeneralizedTime from 2050 on, as RFC 5280 §4.1.2.5 wants it; UTCTime before. */
function time(at: Date): Buffer {
  const text = `${at.toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
  return at.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(text.slice(2)))
    : tagged(0x18, Buffer.from(text));
}
/** ecdsa-with-SHA256 */
const algorithm = sequence(oid("2a8648ce3d040302"));
