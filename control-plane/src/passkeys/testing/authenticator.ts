/** An authenticator in software (WebAuthn Level 3 §6): one ES256 passkey, user present and verified, attestation `none`. */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface Authenticator {
  /** Answers `PublicKeyCredentialCreationOptionsJSON`. */
  create(options: Options, changes?: Changes): object & { id: string };
  /** Answers `PublicKeyCredentialRequestOptionsJSON`. */
  get(options: Options, changes?: Changes): object & { id: string };
}

interface Options {
  readonly challenge: string;
  readonly rpId?: string;
  readonly rp?: { readonly id: string };
}

/** What a liar would say instead. */
interface Changes {
  readonly origin?: string;
  readonly rpId?: string;
  readonly flags?: number;
  readonly counter?: number;
}

/** User present, user verified, backup eligible. */
const FLAGS = 0b0000_1101;
const ATTESTED = 0b0100_0000;

export function createAuthenticator(origin: string): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = randomBytes(32);
  let counter = 0;
  const clientData = (type: string, challenge: string, from = origin) =>
    Buffer.from(JSON.stringify({ type, challenge, origin: from, crossOrigin: false }));
  const authData = (rpId: string, flags: number, count: number, attested: Uint8Array = new Uint8Array()) =>
    Buffer.concat([sha256(rpId), Buffer.from([flags]), uint(count, 4), attested]);
  const credential = (response: object) => ({
    ...{ id: id.toString("base64url"), rawId: id.toString("base64url"), type: "public-key" },
    ...{ clientExtensionResults: {}, authenticatorAttachment: "platform", response },
  });
  return {
    create({ challenge, rp }, changes = {}) {
      const jwk = publicKey.export({ format: "jwk" });
      // COSE_Key (RFC 9052 §7): kty EC2, alg ES256, crv P-256, x, y.
      const cose = map([
        [int(1), int(2)],
        [int(3), int(-7)],
        [int(-1), int(1)],
        [int(-2), bytes(Buffer.from(String(jwk.x), "base64url"))],
        [int(-3), bytes(Buffer.from(String(jwk.y), "base64url"))],
      ]);
      const attested = Buffer.concat([Buffer.alloc(16), uint(id.length, 2), id, cose]);
      const data = authData(changes.rpId ?? rp?.id ?? "", (changes.flags ?? FLAGS) | ATTESTED, 0, attested);
      const attestation = map([
        [text("fmt"), text("none")],
        [text("attStmt"), map([])],
        [text("authData"), bytes(data)],
      ]);
      return credential({
        clientDataJSON: clientData("webauthn.create", challenge, changes.origin).toString("base64url"),
        attestationObject: attestation.toString("base64url"),
        transports: ["internal"],
      });
    },
    get({ challenge, rpId }, changes = {}) {
      counter += 1;
      const data = authData(changes.rpId ?? rpId ?? "", changes.flags ?? FLAGS, changes.counter ?? counter);
      const client = clientData("webauthn.get", challenge, changes.origin);
      const signature = sign("sha256", Buffer.concat([data, sha256(client)]), privateKey);
      return credential({
        clientDataJSON: client.toString("base64url"),
        authenticatorData: data.toString("base64url"),
        signature: signature.toString("base64url"),
      });
    },
  };
}

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest();

function uint(value: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  buffer.writeUIntBE(value, 0, length);
  return buffer;
}

/** CBOR (RFC 8949), as far as it is needed here. */
function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.concat([Buffer.from([(major << 5) | 25]), uint(value, 2)]);
}
const int = (value: number) => (value < 0 ? head(1, -1 - value) : head(0, value));
const bytes = (value: Uint8Array) => Buffer.concat([head(2, value.length), value]);
const text = (value: string) => Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
const map = (entries: readonly (readonly [Buffer, Buffer])[]) =>
  Buffer.concat([head(5, entries.length), ...entries.flat()]);
