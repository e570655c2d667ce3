import { ListParameters, listQuery } from "@claviger/shared/api/list";
import { SessionCreate } from "@claviger/shared/api/session";
import { createSession } from "../../sessions/create.ts";
import { deleteSession, listSessions, readSession } from "../../sessions/list.ts";
import { gone, listed } from "../answers.ts";
import { clearCookie, setCookie } from "../cookie.ts";
import { memberRoute, openRoute, type Route } from "../route.ts";

const answers = "session";
const none = { kind: "none" } as const;

export const sessionRoutes: readonly Route[] = [
  openRoute({
    method: "POST",
    path: "/api/v1/sessions",
    summary: "Sign in with e-mail and password; the answer sets the session cookie",
    access: "public",
    body: { kind: "resource", type: "session", attributes: SessionCreate },
    answers,
    handle: async ({ ports, settings, body, peer, request }) => {
      const client = { peer, userAgent: request.headers.get("user-agent") };
      const { resource, cookie, maxAgeSeconds } = await createSession(ports, body, client);
      const headers = { "set-cookie": setCookie(settings, cookie, maxAgeSeconds) };
      return { kind: "one", status: 201, resource, headers };
    },
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/sessions",
    summary: "List one's own sessions",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers,
    handle: async ({ ports, caller, query }) => listed(await listSessions(ports, caller, listQuery(query))),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/sessions/:id",
    summary: "Read one of one's own sessions; `current` is the one that asks",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => ({
      kind: "one",
      resource: await readSession(ports, caller, params.id ?? ""),
    }),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/sessions/:id",
    summary: "Sign out; `current` is the session that asks",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, settings, caller, params }) => {
      const { current } = await deleteSession(ports, caller, params.id ?? "");
      return gone(current ? { "set-cookie": clearCookie(settings) } : undefined);
    },
  }),
];
