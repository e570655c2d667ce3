/** Signing in by a provider of the organization's own, and by passkeys; the rules for both. */
import {
  PasskeyCreate,
  PasskeySignIn,
  SignInPolicyEdit,
  SingleSignOnBegin,
  SingleSignOnEdit,
  SingleSignOnReturn,
} from "@claviger/shared/api/sign-in";
import { challengeCreate, challengeSignIn } from "../../passkeys/challenge.ts";
import { createPasskey } from "../../passkeys/create.ts";
import { deletePasskey, listPasskeys } from "../../passkeys/list.ts";
import { signInByPasskey } from "../../passkeys/sign-in.ts";
import { CEREMONY_SECONDS } from "../../sessions/ceremony.ts";
import type { SignedIn } from "../../sessions/open.ts";
import type { Settings } from "../../settings.ts";
import { editPolicy, readPolicy } from "../../sign-in-policy/edit.ts";
import { RETURN_PATH, SINGLE_SIGN_ON_PATH } from "../../single-sign-on/find.ts";
import { deleteSingleSignOn, readSingleSignOn, saveSingleSignOn } from "../../single-sign-on/save.ts";
import { beginSingleSignOn, endSingleSignOn, type Failed } from "../../single-sign-on/sign-in.ts";
import { changed, created, listed, read } from "../answers.ts";
import { clearCookie, readCeremony, setCookie } from "../cookie.ts";
import { type Answer, memberRoute, openRoute, type Route } from "../route.ts";

const none = { kind: "none" } as const;

const clientOf = ({ peer, request }: { peer: string; request: Request }) => ({
  peer,
  userAgent: request.headers.get("user-agent"),
});

const policyRoutes: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/sign-in-policy",
    summary: "Read how members sign in and how long that lasts",
    access: "viewer",
    body: none,
    answers: "sign-in-policy",
    handle: async ({ ports, caller }) => read(await readPolicy(ports, caller)),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/sign-in-policy",
    summary: "Edit how members sign in and how long that lasts",
    access: "owner",
    body: { kind: "resource", type: "sign-in-policy", attributes: SignInPolicyEdit },
    answers: "sign-in-policy",
    handle: async ({ ports, caller, body, ifMatch }) =>
      changed(await editPolicy(ports, caller, body, ifMatch)),
  }),
];

const singleSignOnRoutes: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/single-sign-on",
    summary: "Read the organization's OpenID provider",
    access: "admin",
    body: none,
    answers: "single-sign-on",
    handle: async ({ ports, settings, caller }) => read(await readSingleSignOn(ports, settings, caller)),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/single-sign-on",
    summary: "Set up or edit the organization's OpenID provider; it must answer its discovery",
    access: "owner",
    body: { kind: "resource", type: "single-sign-on", attributes: SingleSignOnEdit },
    answers: "single-sign-on",
    handle: async ({ ports, settings, caller, body, ifMatch }) =>
      changed(await saveSingleSignOn(ports, settings, caller, body, ifMatch)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/single-sign-on",
    summary: "Remove the organization's OpenID provider",
    access: "owner",
    body: none,
    handle: async ({ ports, caller }) => changed(await deleteSingleSignOn(ports, caller)),
  }),
  openRoute({
    method: "GET",
    path: SINGLE_SIGN_ON_PATH,
    summary: "Sends a browser to the provider of `organization`",
    access: "public",
    body: none,
    query: SingleSignOnBegin,
    handle: async ({ ports, settings, query }) => {
      const begun = await beginSingleSignOn(ports, settings, query.organization);
      if ("failed" in begun) return back(settings, begun);
      const cookie = setCookie(settings, begun.ceremony, CEREMONY_SECONDS, "sign-in");
      return redirect(begun.location.toString(), [cookie]);
    },
  }),
  openRoute({
    method: "GET",
    path: RETURN_PATH,
    summary: "Where a provider sends a browser back to; sets the session cookie",
    access: "public",
    body: none,
    query: SingleSignOnReturn,
    handle: async ({ ports, settings, request, peer }) => {
      const { pathname, search } = new URL(request.url);
      const returned = new URL(`${pathname}${search}`, settings.publicUrl);
      const ceremony = readCeremony(settings, request);
      const done = await endSingleSignOn(ports, settings, ceremony, returned, clientOf({ peer, request }));
      if ("failed" in done) return back(settings, done);
      return redirect("/dashboard/", [...cookiesOf(settings, done)]);
    },
  }),
];

const passkeyRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/passkeys/challenge",
    summary: "Begin a new passkey of one's own: options for the browser",
    access: "viewer",
    body: none,
    answers: "passkey-challenge",
    handle: async ({ ports, settings, caller }) =>
      challenged(settings, await challengeCreate(ports, settings, caller)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/passkeys",
    summary: "Keep a passkey that an authenticator has made for the challenge",
    access: "viewer",
    body: { kind: "resource", type: "passkey", attributes: PasskeyCreate },
    answers: "passkey",
    handle: async ({ ports, settings, caller, body, request }) =>
      created(await createPasskey(ports, settings, caller, body, readCeremony(settings, request))),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/passkeys",
    summary: "List one's own passkeys",
    access: "viewer",
    body: none,
    answers: "passkey",
    handle: async ({ ports, caller }) => listed(await listPasskeys(ports, caller)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/passkeys/:id",
    summary: "Delete one of one's own passkeys",
    access: "viewer",
    body: none,
    handle: async ({ ports, caller, params }) => changed(await deletePasskey(ports, caller, params.id ?? "")),
  }),
  openRoute({
    method: "POST",
    path: "/api/v1/sessions/passkey-challenge",
    summary: "Begin to sign in by a passkey: options for the browser",
    access: "public",
    body: none,
    answers: "passkey-challenge",
    handle: async ({ ports, settings }) => challenged(settings, await challengeSignIn(ports, settings)),
  }),
  openRoute({
    method: "POST",
    path: "/api/v1/sessions/passkey",
    summary: "Sign in by a passkey; the answer sets the session cookie",
    access: "public",
    body: { kind: "plain", schema: PasskeySignIn },
    answers: "session",
    handle: async ({ ports, settings, body, request, peer }) => {
      const ceremony = readCeremony(settings, request);
      const client = clientOf({ peer, request });
      const done = await signInByPasskey(ports, settings, body, ceremony, client);
      const headers = { "set-cookie": cookiesOf(settings, done)[0] };
      return { kind: "one", status: 201, resource: done.resource, headers };
    },
  }),
];

export const signInRoutes: readonly Route[] = [...policyRoutes, ...singleSignOnRoutes, ...passkeyRoutes];

function challenged(
  settings: Settings,
  { resource, ceremony }: Awaited<ReturnType<typeof challengeSignIn>>,
): Answer {
  const headers = { "set-cookie": setCookie(settings, ceremony, CEREMONY_SECONDS, "sign-in") };
  return { kind: "one", status: 201, resource, headers };
}

function cookiesOf(settings: Settings, { cookie, maxAgeSeconds }: SignedIn): [string, string] {
  return [setCookie(settings, cookie, maxAgeSeconds), clearCookie(settings, "sign-in")];
}

/** To the sign-in page, which says in words what the code means. */
function back(settings: Settings, { failed }: Failed): Answer {
  return redirect(`/dashboard/?signIn=${failed}`, [clearCookie(settings, "sign-in")]);
}

function redirect(location: string, cookies: readonly string[]): Answer {
  const headers = new Headers({ location, "cache-control": "no-store", "referrer-policy": "no-referrer" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return { kind: "raw", response: new Response(null, { status: 303, headers }) };
}
