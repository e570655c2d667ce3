import { hashSecret } from "@claviger/shared/key/secret";
import { NOW_MS } from "@claviger/shared/testing/records";
import { buildTokenPayload, makeSigner, signToken } from "@claviger/shared/testing/tokens";
import { createSign } from "@claviger/shared/wire/sign";
import { CompactSign } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { createVerifyToken } from "./verify-token.ts";

const ORG = "org_000000000001";
let ours: Awaited<ReturnType<typeof makeSigner>>;
beforeAll(async () => {
  ours = await makeSigner();
});

async function read(token: string, nowMs = NOW_MS) {
  return createVerifyToken(ours.verify, ORG)(token, await hashSecret(token), nowMs);
}

test("what the control plane signed is read as it was meant", async () => {
  const lim = {
    models: ["gpt*"],
    providers: [],
    ip: ["10.0.0.0/8"],
    rpm: 5,
    tpm: 0,
    mcp: { enabled: false },
  };
  const verified = await read(await signToken(ours.sign, buildTokenPayload({ lim, pg: 3, mr: [2, 7] })));
  expect(verified).toEqual({
    claims: {
      keyId: "key_000000000001",
      generation: 3,
      tokenId: "tok_000000000001",
      expiresAtMs: NOW_MS + 3_600_000,
      allowedModels: ["gpt*"],
      allowedProviders: [],
      ipAllowlist: ["10.0.0.0/8"],
      requestsPerMinute: 5,
      tokensPerMinute: 0,
      mcp: { enabled: false },
    },
    minRevision: { epoch: 2, rev: 7 },
  });
});

describe("no token of ours", () => {
  const payload = () => new TextEncoder().encode(JSON.stringify(buildTokenPayload()));
  const json = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = async (header: { alg: string; typ?: string; kid?: string }, key?: CryptoKey | Uint8Array) =>
    `clve_${await new CompactSign(payload()).setProtectedHeader(header).sign(key ?? ours.key)}`;

  test.each<[string, () => Promise<string> | string]>([
    ["alg none", () => `clve_${json({ alg: "none", typ: "clv-token+jws", kid: ours.kid })}.${json({})}.`],
    [
      "HS256 with the public key as its secret",
      () => signed({ alg: "HS256", typ: "clv-token+jws", kid: ours.kid }, new TextEncoder().encode(ours.kid)),
    ],
    ["another typ", () => signed({ alg: "EdDSA", typ: "JWT", kid: ours.kid })],
    ["no typ", () => signed({ alg: "EdDSA", kid: ours.kid })],
    [
      "another message of the control plane",
      () => signed({ alg: "EdDSA", typ: "clv-delta+jws", kid: ours.kid }),
    ],
    ["an unknown kid", () => signed({ alg: "EdDSA", typ: "clv-token+jws", kid: "somebody" })],
    ["no kid", () => signed({ alg: "EdDSA", typ: "clv-token+jws" })],
    [
      "our kid over another key",
      async () => signToken(createSign((await makeSigner()).key, ours.kid), buildTokenPayload()),
    ],
    ["another organization", () => signToken(ours.sign, buildTokenPayload({ aud: "org_000000000002" }))],
    ["another issuer", () => signToken(ours.sign, { ...buildTokenPayload(), iss: "other" })],
    ["no limits", () => signToken(ours.sign, { ...buildTokenPayload(), lim: undefined })],
    [
      "a payload that is no JSON",
      async () => `clve_${await ours.sign("clv-token+jws", new Uint8Array([255]))}`,
    ],
    ["no JWS at all", () => "clve_"],
  ])("%s", async (_what, make) => {
    expect(await read(await make())).toBeUndefined();
  });

  test("a single changed character of any part", async () => {
    const token = await signToken(ours.sign, buildTokenPayload());
    for (const at of [6, token.indexOf(".") + 5, token.lastIndexOf(".") + 5]) {
      const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
      expect(await read(changed)).toBeUndefined();
    }
  });
});

describe("what is remembered", () => {
  test("a signature is checked once per token until the token is over, and never for more tokens than that", async () => {
    let checks = 0;
    const verifyToken = createVerifyToken(
      (type, jws) => {
        checks += 1;
        return ours.verify(type, jws);
      },
      ORG,
      2,
    );
    const tokens = await Promise.all(
      [1, 2, 3].map((n) => signToken(ours.sign, buildTokenPayload({ jti: `tok_00000000000${n}` }))),
    );
    const ask = async (n: number, nowMs = NOW_MS) => {
      const token = tokens[n - 1] as string;
      return (await verifyToken(token, await hashSecret(token), nowMs))?.claims.tokenId;
    };
    expect([await ask(1), await ask(1), await ask(1)]).toEqual(Array(3).fill("tok_000000000001"));
    expect(checks).toBe(1);
    await ask(2);
    await ask(3);
    expect(checks).toBe(3);
    expect(await ask(1)).toBe("tok_000000000001");
    expect(checks).toBe(4);
    expect(await ask(3)).toBe("tok_000000000003");
    expect(checks).toBe(4);
    const over = NOW_MS + 3_600_000;
    await ask(3, over);
    await ask(3, over);
    expect(checks).toBe(5);
  });
});
