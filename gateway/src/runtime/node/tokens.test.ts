import { buildTokenPayload, makeSigner, NO_LIMITS, signToken } from "@claviger/shared/testing/tokens";
import type { KeyRecord } from "@claviger/shared/wire/record";
import type { TokenLimits, TokenPayload } from "@claviger/shared/wire/token";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  type TestGateway,
} from "./testing/rig.ts";

let provider: Provider;
let gateway: TestGateway;
let signer: Awaited<ReturnType<typeof makeSigner>>;
let parent: { secret: string; record: KeyRecord };
beforeAll(async () => {
  signer = await makeSigner();
  provider = await startProvider((_incoming, outgoing, body) => {
    if (body.includes('"stream":true')) {
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      outgoing.write('data: {"choices":[]}\n\n');
      return;
    }
    outgoing.writeHead(200, { "content-type": "application/json" });
    outgoing.end(JSON.stringify({ id: "a", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
  });
  gateway = await startGateway(provider, {}, { verify: signer.verify });
});
afterAll(async () => {
  await gateway?.stop();
  await provider?.stop();
});
beforeEach(() => {
  parent = gateway.table.addKey();
});

const seconds = () => Math.floor(Date.now() / 1000);
const tokenOf = (changes: Partial<TokenPayload> = {}) =>
  signToken(
    signer.sign,
    buildTokenPayload({ sub: parent.record.id, iat: seconds(), exp: seconds() + 600, ...changes }),
  );
const limited = (lim: Partial<TokenLimits>) => tokenOf({ lim: { ...NO_LIMITS, ...lim } });
const edit = (changes: Partial<KeyRecord>) => gateway.table.edit(parent.record.id, changes);

async function ask(token: string, model = "echo") {
  const answer = await call(`${gateway.url}/v1/chat/completions`, {
    headers: jsonHeaders(token),
    body: JSON.stringify({ model, messages: [] }),
  });
  return answer;
}

/** `401 authentication_error invalid_token`, as rows of expectations write it. */
async function refusalOf(token: string, model?: string): Promise<string> {
  const seen = provider.seen.length;
  const answer = await ask(token, model);
  if (answer.status === 200) return "200";
  expect(provider.seen).toHaveLength(seen);
  const { error } = JSON.parse(answer.body) as {
    error: { type: string; code: string; param: null | string };
  };
  if (answer.status === 401) {
    expect(answer.headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
  }
  return `${answer.status} ${error.type} ${error.code}`;
}

test("a token is served as its parent, and what is written down names the parent and the token", async () => {
  const settled = gateway.ledger.settlements.length;
  const answer = await ask(await tokenOf());
  expect(answer.status).toBe(200);
  expect(answer.headers["x-claviger-key"]).toBe(parent.record.id);
  await gateway.ledger.settledCount(settled + 1);
  const { admission } = gateway.ledger.settlements.at(-1)!;
  expect([admission.key.id, admission.tokenId]).toEqual([parent.record.id, "tok_000000000001"]);
});

describe("§4.3: what a token is answered", () => {
  const AU = "401 authentication_error";
  test("wrong signature, header or audience", async () => {
    const other = await makeSigner();
    const forged = await signToken(other.sign, buildTokenPayload({ sub: parent.record.id }));
    expect(await refusalOf(forged)).toBe(`${AU} invalid_token`);
    expect(await refusalOf(await tokenOf({ aud: "org_000000000009" }))).toBe(`${AU} invalid_token`);
    expect(await refusalOf("clve_nothing")).toBe(`${AU} invalid_token`);
  });

  test("a parent that nobody has", async () => {
    expect(await refusalOf(await tokenOf({ sub: "key_zzzzzzzzzzzz" }))).toBe(`${AU} invalid_token`);
  });

  test.each<[string, Partial<KeyRecord>, string]>([
    ["revoked", { status: "revoked" }, `${AU} parent_revoked`],
    ["deleted", { status: "deleted" }, `${AU} parent_revoked`],
    ["rotated", { generation: 2 }, `${AU} parent_rotated`],
    ["inactive", { status: "inactive" }, `${AU} key_inactive`],
    ["expired", { expiresAtMs: 1 }, `${AU} key_expired`],
    ["narrowed to other models", { allowedModels: ["story"] }, "403 permission_error model_not_allowed"],
    [
      "narrowed to other providers",
      { allowedProviders: ["openai"] },
      "403 permission_error provider_not_allowed",
    ],
    ["narrowed to other addresses", { ipAllowlist: ["10.0.0.0/8"] }, "403 permission_error ip_not_allowed"],
    [
      "kept from this gateway",
      { gatewayIds: ["gw_000000000009"] },
      "403 permission_error gateway_not_allowed",
    ],
    ["out of requests", { requestsPerMinute: 0 }, "429 rate_limit_error rate_limit_exceeded"],
  ])("a parent that is %s after the token was made and used", async (_what, changes, expected) => {
    const token = await tokenOf();
    expect(await refusalOf(token)).toBe("200");
    edit(changes);
    expect(await refusalOf(token)).toBe(expected);
  });

  test("the generation before lives while the grace of the rotation runs", async () => {
    const token = await tokenOf();
    const hash = parent.record.hashes[0]!;
    edit({ generation: 2, hashes: [{ ...hash, notAfterMs: Date.now() + 60_000 }] });
    expect(await refusalOf(token)).toBe("200");
    edit({ generation: 2, hashes: [{ ...hash, notAfterMs: Date.now() }] });
    expect(await refusalOf(token)).toBe(`${AU} parent_rotated`);
  });

  test("expired, and killed by its id", async () => {
    expect(await refusalOf(await tokenOf({ exp: seconds() }))).toBe(`${AU} token_expired`);
    const token = await tokenOf({ jti: "tok_kkkkkkkkkkkk" });
    expect(await refusalOf(token)).toBe("200");
    gateway.table.denied.add("tok_kkkkkkkkkkkk");
    expect(await refusalOf(token)).toBe(`${AU} token_revoked`);
    expect(await refusalOf(await tokenOf({ jti: "tok_llllllllllll" }))).toBe("200");
  });

  test("what is written down of a refusal names the token, before and after the admission", async () => {
    const facts = gateway.ledger.refusedFacts;
    gateway.table.denied.add("tok_mmmmmmmmmmmm");
    expect(await refusalOf(await tokenOf({ jti: "tok_mmmmmmmmmmmm" }))).toBe(`${AU} token_revoked`);
    expect(facts.at(-1)?.tokenId).toBe("tok_mmmmmmmmmmmm");
    const lim = { ...NO_LIMITS, models: ["story"] };
    const narrowed = await tokenOf({ jti: "tok_nnnnnnnnnnnn", lim });
    expect(await refusalOf(narrowed)).toBe("403 permission_error model_not_allowed");
    expect(facts.at(-1)?.tokenId).toBe("tok_nnnnnnnnnnnn");
    expect(await refusalOf(parent.secret, "nothing")).toBe("404 invalid_request_error model_not_found");
    expect(facts.at(-1)?.tokenId).toBeUndefined();
  });

  test.each<[Partial<TokenLimits>, string]>([
    [{ models: ["story"] }, "403 permission_error model_not_allowed"],
    [{ models: [] }, "403 permission_error model_not_allowed"],
    [{ models: ["ec*"] }, "200"],
    [{ providers: ["openai"] }, "403 permission_error provider_not_allowed"],
    [{ ip: ["10.0.0.0/8"] }, "403 permission_error ip_not_allowed"],
    [{ ip: ["127.0.0.0/8"] }, "200"],
    [{ rpm: 0 }, "429 rate_limit_error rate_limit_exceeded"],
  ])("a token with the limits %j", async (limits, expected) => {
    expect(await refusalOf(await limited(limits))).toBe(expected);
  });

  test("a token that is out of requests leaves its parent as many as it had", async () => {
    edit({ requestsPerMinute: 60 });
    const dry = await limited({ rpm: 0 });
    for (let n = 0; n < 20; n++) expect(await refusalOf(dry)).toMatch(/^429/);
    for (let n = 0; n < 10; n++) expect(await refusalOf(parent.secret)).toBe("200");
  });

  test("claims wider than the parent are cut to what the parent may", async () => {
    edit({ allowedModels: ["story"] });
    const token = await limited({ models: ["*"] });
    expect(await refusalOf(token, "story")).toBe("200");
    expect(await refusalOf(token, "echo")).toBe("403 permission_error model_not_allowed");
  });

  test("a revision that this gateway has not reached", async () => {
    const answer = await ask(await tokenOf({ mr: [1, 99] }));
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(JSON.parse(answer.body).error.code).toBe("config_behind");
  });
});

test("a stream in flight ends with its token, and with its token alone", async () => {
  const stream = async (jti: string) =>
    call(`${gateway.url}/v1/chat/completions`, {
      headers: jsonHeaders(await tokenOf({ jti })),
      body: JSON.stringify({ model: "echo", stream: true, messages: [] }),
    });
  const killed = "tok_aaaaaaaaaaaa";
  const one = stream(killed);
  const two = stream("tok_bbbbbbbbbbbb");
  await expect.poll(() => gateway.gateway.inflight()).toBe(2);
  expect(gateway.follower.abort({ tokenIds: new Set([killed]) })).toBe(1);
  expect((await one).body).toContain("token_revoked");
  expect(gateway.follower.abort({ tokenIds: new Set([killed]) })).toBe(0);
  expect(gateway.follower.abort({ keyIds: new Set([parent.record.id]) })).toBe(1);
  expect((await two).body).toContain("parent_revoked");
});

test("agents and hidden parents have tokens and no secret", async () => {
  edit({ kind: "agent" });
  expect(await refusalOf(await tokenOf())).toBe("200");
  expect(await refusalOf(parent.secret)).toBe("401 authentication_error invalid_api_key");
});
