import { ListParameters, listQuery } from "@claviger/shared/api/list";
import { PersonalAccessTokenCreate } from "@claviger/shared/api/personal-access-token";
import { createToken } from "../../personal-access-tokens/create.ts";
import { deleteToken, listTokens, readToken } from "../../personal-access-tokens/list.ts";
import { gone, listed } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "personal-access-token";
const none = { kind: "none" } as const;

export const personalAccessTokenRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/personal-access-tokens",
    summary: "Make a token for scripts; it is in meta.secretKey, once",
    access: "viewer",
    body: { kind: "resource", type: "personal-access-token", attributes: PersonalAccessTokenCreate },
    answers,
    handle: async ({ ports, caller, body }) => ({
      kind: "one",
      status: 201,
      ...(await createToken(ports, caller, body)),
    }),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/personal-access-tokens",
    summary: "List one's own tokens; admins see those of all members",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers,
    handle: async ({ ports, caller, query }) => listed(await listTokens(ports, caller, listQuery(query))),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/personal-access-tokens/:id",
    summary: "Read a token's description",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => ({
      kind: "one",
      resource: await readToken(ports, caller, params.id ?? ""),
    }),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/personal-access-tokens/:id",
    summary: "End a token at once",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => {
      await deleteToken(ports, caller, params.id ?? "");
      return gone();
    },
  }),
];
