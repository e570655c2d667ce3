import { ApiKeyBulk, ApiKeyCreate, ApiKeyEdit, Interrupt, Rotate } from "@claviger/shared/api/api-key";
import { listQuery, pageParameters } from "@claviger/shared/api/list";
import * as z from "zod";
import { changeKeys } from "../../keys/bulk.ts";
import { createKey } from "../../keys/create.ts";
import { editKey } from "../../keys/edit.ts";
import { type KeyKind, nouns } from "../../keys/kind.ts";
import { listKeys, readKey } from "../../keys/list.ts";
import { endRotation, rotateKey } from "../../keys/rotate.ts";
import { activateKey, deactivateKey, deleteKey, revokeKey } from "../../keys/set-status.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const none = { kind: "none" } as const;
const interrupt = { kind: "plain", schema: Interrupt } as const;

const Filters = z.strictObject({
  ...pageParameters,
  "filter[status]": z.string().optional(),
  "filter[search]": z.string().max(256).optional(),
  "filter[owner]": z.string().max(64).optional(),
  "filter[project]": z.string().max(64).optional(),
  "filter[safety]": z.string().max(64).optional(),
  sort: z.string().max(64).optional(),
});

function keyQuery(query: z.infer<typeof Filters>) {
  return {
    ...listQuery(query),
    status: query["filter[status]"],
    search: query["filter[search]"],
    owner: query["filter[owner]"],
    project: query["filter[project]"],
    safety: query["filter[safety]"],
    sort: query.sort,
  };
}

const places = { key: "api-keys", agent: "agents" } as const;

/** An agent has every verb of a key. */
export const apiKeyRoutes: readonly Route[] = [
  memberRoute<ApiKeyBulk>({
    method: "POST",
    path: "/api/v1/api-keys/bulk",
    summary: "Change up to 200 keys at once: what became of each is in meta.results, one operation for all",
    access: "member",
    body: { kind: "plain", schema: ApiKeyBulk },
    handle: async ({ ports, caller, body }) => changed(await changeKeys(ports, caller, body)),
  }),
  ...collection("key"),
  ...object("key"),
  ...statusVerbs("key"),
];
export const agentRoutes: readonly Route[] = [
  ...collection("agent"),
  ...object("agent"),
  ...statusVerbs("agent"),
];

function collection(kind: KeyKind): Route[] {
  const { type: answers, label } = nouns[kind];
  return [
    memberRoute({
      method: "POST",
      path: `/api/v1/projects/:projectId/${places[kind]}`,
      summary: `Create an ${label}; its secret is in meta.secretKey, once`,
      access: "member",
      body: { kind: "resource", type: answers, attributes: ApiKeyCreate },
      answers,
      handle: async ({ ports, caller, params, body }) =>
        created(await createKey(ports, caller, params.projectId ?? "", body, kind)),
    }),
    memberRoute({
      method: "GET",
      path: `/api/v1/projects/:projectId/${places[kind]}`,
      summary: `List a project's ${label}s`,
      access: "viewer",
      body: none,
      query: Filters,
      answers,
      handle: async ({ ports, caller, params, query }) =>
        listed(await listKeys(ports, caller, keyQuery(query), params.projectId ?? "", kind)),
    }),
    memberRoute({
      method: "GET",
      path: `/api/v1/${places[kind]}`,
      summary: `List the organization's ${label}s`,
      access: "viewer",
      body: none,
      query: Filters,
      answers,
      handle: async ({ ports, caller, query }) =>
        listed(await listKeys(ports, caller, keyQuery(query), undefined, kind)),
    }),
  ];
}

function object(kind: KeyKind): Route[] {
  const { type: answers, label } = nouns[kind];
  const path = `/api/v1/${places[kind]}/:id` as const;
  return [
    memberRoute({
      method: "GET",
      path,
      summary: `Read an ${label}`,
      access: "viewer",
      body: none,
      answers,
      handle: async ({ ports, caller, params }) => read(await readKey(ports, caller, params.id ?? "", kind)),
    }),
    memberRoute({
      method: "PATCH",
      path,
      summary: "Edit everything but the secret",
      access: "member",
      body: { kind: "resource", type: answers, attributes: ApiKeyEdit },
      answers,
      handle: async ({ ports, caller, params, body, ifMatch }) =>
        changed(await editKey(ports, caller, params.id ?? "", body, ifMatch, kind)),
    }),
    memberRoute({
      method: "POST",
      path: `${path}/rotate`,
      summary: "Make a new secret; the old one stops at once or after graceSeconds",
      access: "member",
      body: { kind: "plain", schema: Rotate },
      answers,
      handle: async ({ ports, caller, params, body }) =>
        changed(await rotateKey(ports, caller, params.id ?? "", body, kind)),
    }),
    memberRoute({
      method: "POST",
      path: `${path}/rotation/end`,
      summary: "End a running grace now; 409 when none runs",
      access: "member",
      body: { kind: "plain", schema: z.strictObject({}) },
      answers,
      handle: async ({ ports, caller, params }) =>
        changed(await endRotation(ports, caller, params.id ?? "", kind)),
    }),
  ];
}

function statusVerbs(kind: KeyKind): Route[] {
  const { type: answers, label } = nouns[kind];
  const path = `/api/v1/${places[kind]}/:id` as const;
  const verb = (
    method: "DELETE" | "POST",
    name: "" | `/${string}`,
    summary: string,
    run: typeof revokeKey,
  ): Route =>
    memberRoute({
      method,
      path: `${path}${name}`,
      summary,
      access: "member",
      body: interrupt,
      answers,
      handle: async ({ ports, caller, params, body }) =>
        changed(await run(ports, caller, params.id ?? "", body, kind)),
    });
  const again = `Let an inactive or revoked ${label} work again, with the same secret`;
  return [
    verb("DELETE", "", `Delete an ${label} for good`, deleteKey),
    verb("POST", "/deactivate", `Stop an ${label} until it is activated`, deactivateKey),
    verb("POST", "/activate", again, activateKey),
    verb("POST", "/revoke", `Revoke an ${label} on every gateway`, revokeKey),
  ];
}
