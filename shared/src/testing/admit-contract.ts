/**
 * What every runtime must answer alike: format, hash, admission and problem bodies. The same assertions run on Node and
 * inside workerd; a runtime brings its own way to hash.
 */
import { expect, test } from "vitest";
import { admitKey, type Caller } from "../decide/admit.ts";
import { readCredential } from "../decide/credential.ts";
import { parseIp } from "../decide/ip.ts";
import { admitModel } from "../decide/model.ts";
import { problemOf } from "../decide/problem.ts";
import { recheck } from "../decide/recheck.ts";
import { scanJson } from "../decide/scan-json.ts";
import type { Freshness, TableView } from "../decide/view.ts";
import { type HashSecret, hashSecret, makeApiKey, parseApiKey } from "../key/secret.ts";
import { keyVectors } from "./key-vectors.ts";
import { buildKey, buildView, FRESH, NOW_MS } from "./records.ts";

/** Registers the tests; `hash` is the runtime's own, where it has one. */
export function admitContract(hash: HashSecret = hashSecret): void {
  test.each(keyVectors)("$id: the checksum and the hash are those of zlib and OpenSSL", async (vector) => {
    const secret = vector.body + vector.checksum;
    expect(parseApiKey(secret)).toEqual({ kind: "apiKey", keyId: vector.id, secret });
    expect(await hash(secret)).toBe(vector.hash);
    const last = vector.checksum.endsWith("0") ? "1" : "0";
    expect(parseApiKey(secret.slice(0, -1) + last)).toEqual({ kind: "badChecksum" });
  });

  test("a new key is admitted from its header to its route, and is refused once it is revoked", async () => {
    const made = makeApiKey((length) => crypto.getRandomValues(new Uint8Array(length)));
    const digest = await hash(made.secret);
    const hashes = [{ hash: digest, generation: 1, notAfterMs: null }];
    const key = buildKey({ id: made.id, hashes, ipAllowlist: ["2001:db8::/32", "203.0.113.0/24"] });
    const live = buildView({ keys: [key] });
    expect(await ask(hash, live, FRESH, `Bearer ${made.secret}`)).toBe("llm_000000000001 echo");
    const revoked = buildView({ keys: [{ ...key, status: "revoked" }] });
    const stale = { ageMs: Number.POSITIVE_INFINITY, nowMs: NOW_MS };
    expect(await ask(hash, revoked, stale, `bearer  ${made.secret}`)).toBe("key_revoked");
    expect(await ask(hash, live, stale, `Bearer ${made.secret}`)).toBe("authorization_stale");
    expect(await ask(hash, live, FRESH, `Bearer ${made.secret}`, "198.51.100.1")).toBe("ip_not_allowed");
  });

  test("a problem is the same bytes", () => {
    const problem = problemOf({ code: "missing_api_key" }, "openai", "req_1");
    expect(problem).toEqual({
      status: 401,
      headers: {
        "content-type": "application/json",
        "x-request-id": "req_1",
        "x-claviger-code": "missing_api_key",
        "www-authenticate": "Bearer",
      },
      body: '{"error":{"message":"No API key was sent. Send it as `Authorization: Bearer <API key>`.","type":"authentication_error","param":null,"code":"missing_api_key"}}',
    });
  });

  test("a body is read in only one way", () => {
    const scan = (text: string) => scanJson(new TextEncoder().encode(text), new Set(["model", "stream"]));
    expect(scan('{"mod\\u0065l":"écho","stream":true}')).toMatchObject({
      members: new Map([
        ["model", { nameStart: 1, start: 14, end: 21, value: "écho" }],
        ["stream", { nameStart: 22, start: 31, end: 35, value: true }],
      ]),
    });
    expect(scan('{"model":"a","mod\\u0065l":"b"}')).toEqual({ kind: "invalid", fault: "duplicate_name" });
  });
}

/** The way of a request through the pure rooms: the route it gets, or the code it is refused with. */
async function ask(
  hash: HashSecret,
  view: TableView,
  freshness: Freshness,
  authorization: string,
  address = "203.0.113.9",
): Promise<string> {
  const credential = readCredential({ authorization });
  if (credential.kind === "refused") return credential.refusal.code;
  const parsed = parseApiKey(credential.token);
  if (parsed.kind !== "apiKey") return "invalid_api_key";
  const caller: Caller = {
    hash: await hash(parsed.secret),
    gatewayId: "gw_000000000001",
    ip: parseIp(address),
  };
  const decision = admitKey(view, freshness, caller);
  if (decision.kind !== "admitted") return decision.kind === "refused" ? decision.refusal.code : "unsure";
  const model = admitModel(view, decision.principal, "sandbox/echo");
  if (model.kind === "refused") return model.refusal.code;
  const [route] = model.routes;
  const late = recheck(view, freshness, decision.principal, "sandbox/echo", route);
  return late === undefined ? `${route.provider.id} ${route.model}` : late.code;
}
