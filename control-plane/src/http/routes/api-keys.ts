import { ApiKeyCreate, ApiKeyEdit, Interrupt, Rotate } from "@claviger/shared/api/api-key";
import { listQuery, pageParameters } from "@claviger/shared/api/list";
import * as z from "zod";
import { createKey } from "../../keys/create.ts";
import { editKey } from "../../keys/edit.ts";
import { listKeys, readKey } from "../../keys/list.ts";
import { endRotation, rotateKey } from "../../keys/rotate.ts";
import { activateKey, deactivateKey, deleteKey, revokeKey } from "../../keys/set-status.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "api-key";
const none = { kind: "none" } as const;
const interrupt = { kind: "plain", schema: Interrupt } as const;

const Filters = z.strictObject({
  ...pageParameters,
  "filter[status]": z.string().optional(),
  "filter[search]": z.string().max(256).optional(),
  "filter[owner]": z.string().max(64).optional(),
  "filter[project]": z.string().max(64).optional(),
  sort: z.string().max(64).optional(),
});

function keyQuery(query: z.infer<typeof Filters>) {
  return {
    ...listQuery(query),
    status: query["filter[status]"],
    search: query["filter[search]"],
    owner: query["filter[owner]"],
    project: query["filter[project]"],
    sort: query.sort,
  };
}

export const apiKeyRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/projects/:projectId/api-keys",
    summary: "Create an API key; its secret is in meta.secretKey, once",
    access: "member",
    body: { kind: "resource", type: "api-key", attributes: ApiKeyCreate },
    answers,
    handle: async ({ ports, caller, params, body }) =>
      created(await createKey(ports, caller, params.projectId ?? "", body)),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/projects/:projectId/api-keys",
    summary: "List a project's API keys",
    access: "viewer",
    body: none,
    query: Filters,
    answers,
    handle: async ({ ports, caller, params, query }) =>
      listed(await listKeys(ports, caller, keyQuery(query), params.projectId ?? "")),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/api-keys",
    summary: "List the organization's API keys",
    access: "viewer",
    body: none,
    query: Filters,
    answers,
    handle: async ({ ports, caller, query }) => listed(await listKeys(ports, caller, keyQuery(query))),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/api-keys/:id",
    summary: "Read an API key",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => read(await readKey(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/api-keys/:id",
    summary: "Edit everything but the secret",
    access: "member",
    body: { kind: "resource", type: "api-key", attributes: ApiKeyEdit },
    answers,
    handle: async ({ ports, caller, params, body, ifMatch }) =>
      changed(await editKey(ports, caller, params.id ?? "", body, ifMatch)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/api-keys/:id",
    summary: "Delete an API key for good",
    access: "member",
    body: interrupt,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await deleteKey(ports, caller, params.id ?? "", body)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/api-keys/:id/rotate",
    summary: "Make a new secret; the old one stops at once or after graceSeconds",
    access: "member",
    body: { kind: "plain", schema: Rotate },
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await rotateKey(ports, caller, params.id ?? "", body)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/api-keys/:id/rotation/end",
    summary: "End a running grace now; 409 when none runs",
    access: "member",
    body: { kind: "plain", schema: z.strictObject({}) },
    answers,
    handle: async ({ ports, caller, params }) => changed(await endRotation(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/api-keys/:id/deactivate",
    summary: "Stop an API key until it is activated",
    access: "member",
    body: interrupt,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await deactivateKey(ports, caller, params.id ?? "", body)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/api-keys/:id/activate",
    summary: "Let an inactive or revoked API key work again, with the same secret",
    access: "member",
    body: interrupt,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await activateKey(ports, caller, params.id ?? "", body)),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/api-keys/:id/revoke",
    summary: "Revoke an API key on every gateway",
    access: "member",
    body: interrupt,
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await revokeKey(ports, caller, params.id ?? "", body)),
  }),
];
