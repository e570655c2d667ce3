import { Interrupt } from "@claviger/shared/api/api-key";
import { EphemeralTokenCreate } from "@claviger/shared/api/ephemeral-token";
import { createDelegatedToken, createToken } from "../../ephemeral-tokens/create.ts";
import { revokeToken } from "../../ephemeral-tokens/revoke.ts";
import { changed, created } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "ephemeral-token";
const body = { kind: "plain", schema: EphemeralTokenCreate } as const;

export const ephemeralTokenRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/api-keys/:id/ephemeral-tokens",
    summary: "Make a short-lived token of an API key; it is in meta.secretKey, once",
    access: "member",
    body,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      created(await createToken(ports, caller, params.id ?? "", body)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/agents/:id/ephemeral-tokens",
    summary: "Make a short-lived token of an agent without its credentials; it is in meta.secretKey, once",
    access: "member",
    body,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      created(await createToken(ports, caller, params.id ?? "", body, "agent")),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/projects/:projectId/ephemeral-tokens",
    summary: "Make a short-lived token instead of an API key; it is in meta.secretKey, once",
    access: "member",
    body,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      created(await createDelegatedToken(ports, caller, params.projectId ?? "", body)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/ephemeral-tokens/:id/revoke",
    summary: "Kill one token on every gateway; what it was made from goes on",
    access: "member",
    body: { kind: "plain", schema: Interrupt },
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await revokeToken(ports, caller, params.id ?? "", body)),
  }),
];
