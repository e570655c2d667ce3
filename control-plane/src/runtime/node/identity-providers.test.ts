/** What a provider's absence looks like to who signs in: never like a refusal. */
import { expect, test } from "vitest";
import { createIdentityProviders } from "./identity-providers.ts";

const ISSUER = "https://login.example.com";
const provider = { orgId: "org_000000000001", issuer: ISSUER, clientId: "claviger", clientSecret: "secret" };
const redirectUri = "https://claviger.example.com/api/v1/single-sign-on/return";
const binding = { redirectUri, state: "s".repeat(43), nonce: "n".repeat(43), codeVerifier: "v".repeat(43) };
const returned = new URL(`${redirectUri}?code=c&state=${binding.state}`);

const json = (body: object, status = 200) => Response.json(body, { status });
const metadata = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  jwks_uri: `${ISSUER}/keys`,
};

/** How a sign-in ends whose code is redeemed like that. */
async function endsAs(redeem: () => Promise<Response>) {
  const providers = createIdentityProviders(() => async (address) => {
    if (address.includes("/.well-known/")) return json(metadata);
    return redeem();
  });
  const told = await providers.exchange(provider, binding, returned);
  return "failed" in told ? told.failed : "ok";
}

const throwing = (code?: string) => async () => {
  throw Object.assign(new Error("no"), code === undefined ? {} : { code });
};

test.each<[string, () => Promise<Response>, string]>([
  ["its name cannot be looked up now", throwing("EAI_AGAIN"), "unavailable"],
  ["its certificate has expired", throwing("CERT_HAS_EXPIRED"), "unavailable"],
  ["too many names are looked up", throwing(), "unavailable"],
  ["its connection is reset", throwing("ECONNRESET"), "unavailable"],
  ["it says that it is busy", async () => json({ error: "temporarily_unavailable" }, 503), "unavailable"],
  ["it does not take the code", async () => json({ error: "invalid_grant" }, 400), "refused"],
])("%s", async (_, redeem, outcome) => {
  expect(await endsAs(redeem)).toBe(outcome);
});

test("many who begin ask a provider once, also while it has not answered; what has failed is asked for again", async () => {
  let asked = 0;
  const answers = [json({}, 503), json(metadata)];
  const providers = createIdentityProviders(() => async () => {
    asked += 1;
    return answers.shift() ?? json({}, 500);
  });
  const begin = () => Promise.all([1, 2, 3].map(() => providers.authorize(provider, binding)));
  expect((await begin()).every((each) => "failed" in each)).toBe(true);
  expect(asked).toBe(1);
  expect((await begin()).every((each) => each instanceof URL)).toBe(true);
  expect((await begin()).every((each) => each instanceof URL)).toBe(true);
  expect(asked).toBe(2);
});
