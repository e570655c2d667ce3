/** A real OpenID provider (the certified `oidc-provider`), at which whoever `signsIn` names is signed in without a page. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

export interface Person {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who is at the browser; null: somebody who declines. */
  signsIn: Person | null;
  /** Follows the browser's way through the provider: from where it is sent to where it is sent back. */
  visit(location: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startProvider(redirectUri: string): Promise<TestProvider> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [clientId, clientSecret] = ["claviger", "a-client-secret-of-the-tests"];
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  let person: Person | null = null;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: "1", alg: "RS256", use: "sig" }] },
    cookies: { keys: ["a-key-of-the-tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...person, sub }) }),
    loadExistingGrant: async (context) => {
      const grant = new context.oidc.provider.Grant({
        accountId: String(context.oidc.session?.accountId),
        clientId,
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (request.url?.startsWith("/interaction/") !== true) return void answer(request, response);
    const result =
      person === null ? { error: "access_denied" } : { login: { accountId: person.sub, remember: false } };
    void provider.interactionFinished(request, response, result);
  });
  return {
    issuer,
    clientId,
    clientSecret,
    get signsIn() {
      return person;
    },
    set signsIn(next) {
      person = next;
    },
    visit: (location) => visit(location, issuer),
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function visit(from: string, issuer: string): Promise<string> {
  const cookies = new Map<string, string>();
  let location = from;
  while (location.startsWith(issuer)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(location, { redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/s);
      cookies.set(name, value);
    }
    const next = response.headers.get("location");
    if (next === null) throw new Error(`the provider answered ${response.status}: ${await response.text()}`);
    location = new URL(next, location).toString();
  }
  return location;
}
