import { ListParameters, listQuery, pageParameters } from "@claviger/shared/api/list";
import { ModelAliasCreate, ModelAliasEdit, ModelEdit } from "@claviger/shared/api/model";
import * as z from "zod";
import { createAlias, deleteAlias, editAlias, listAliases, readAlias } from "../../models/aliases.ts";
import { listModels, listProviders, readModel } from "../../models/list.ts";
import { overrideModel, restoreModel } from "../../models/override.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const none = { kind: "none" } as const;
const aliases = "/api/v1/model-aliases";

const Flag = z.enum(["true", "false"]).transform((text) => text === "true");

const Filters = z.strictObject({
  ...pageParameters,
  "filter[provider]": z.string().max(64).optional(),
  "filter[search]": z.string().max(256).optional(),
  "filter[served]": Flag.optional(),
  "filter[priced]": Flag.optional(),
  "filter[source]": z.enum(["catalogue", "override", "custom"]).optional(),
});

const AliasFilters = z.strictObject({
  ...pageParameters,
  "filter[project]": z.string().max(64).optional(),
});

export const modelRoutes: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/models",
    summary: "List the catalogue with prices, the organization's own in place of the list's",
    access: "viewer",
    body: none,
    query: Filters,
    answers: "model",
    handle: async ({ ports, caller, query }) =>
      listed(
        await listModels(ports, caller, {
          ...listQuery(query),
          provider: query["filter[provider]"],
          search: query["filter[search]"],
          served: query["filter[served]"],
          priced: query["filter[priced]"],
          source: query["filter[source]"],
        }),
      ),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/models/:model",
    summary: "Read a model; its id is provider/name with the slash written as %2F",
    access: "viewer",
    body: none,
    answers: "model",
    handle: async ({ ports, caller, params }) => read(await readModel(ports, caller, params.model ?? "")),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/models/:model",
    summary: "Set prices and limits of a model for this organization, in place of the catalogue's",
    access: "admin",
    body: { kind: "resource", type: "model", attributes: ModelEdit },
    answers: "model",
    handle: async ({ ports, caller, params, body, ifMatch }) =>
      changed(await overrideModel(ports, caller, { id: params.model ?? "", ifMatch }, body)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/models/:model/override",
    summary: "Go back to what the catalogue says of a model",
    access: "admin",
    body: { kind: "plain", schema: z.strictObject({}) },
    answers: "model",
    handle: async ({ ports, caller, params }) =>
      changed(await restoreModel(ports, caller, params.model ?? "")),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/providers",
    summary: "List the providers that an LLM API key can be of",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers: "provider",
    handle: async ({ query }) => listed(listProviders(listQuery(query))),
  }),
  ...aliasRoutes(),
];

function aliasRoutes(): Route[] {
  const answers = "model-alias";
  return [
    memberRoute({
      method: "POST",
      path: aliases,
      summary: "Give models a name of the organization's own, with the order in which they are tried",
      access: "admin",
      body: { kind: "resource", type: answers, attributes: ModelAliasCreate },
      answers,
      handle: async ({ ports, caller, body }) => created(await createAlias(ports, caller, body)),
    }),
    memberRoute({
      method: "GET",
      path: aliases,
      summary: "List model aliases",
      access: "viewer",
      body: none,
      query: AliasFilters,
      answers,
      handle: async ({ ports, caller, query }) =>
        listed(await listAliases(ports, caller, { ...listQuery(query), project: query["filter[project]"] })),
    }),
    memberRoute({
      method: "GET",
      path: `${aliases}/:id`,
      summary: "Read a model alias",
      access: "viewer",
      body: none,
      answers,
      handle: async ({ ports, caller, params }) => read(await readAlias(ports, caller, params.id ?? "")),
    }),
    memberRoute({
      method: "PATCH",
      path: `${aliases}/:id`,
      summary: "Edit a model alias",
      access: "admin",
      body: { kind: "resource", type: answers, attributes: ModelAliasEdit },
      answers,
      handle: async ({ ports, caller, params, body, ifMatch }) =>
        changed(await editAlias(ports, caller, { id: params.id ?? "", ifMatch }, body)),
    }),
    memberRoute({
      method: "DELETE",
      path: `${aliases}/:id`,
      summary: "Take a name back from the models it stood for",
      access: "admin",
      body: { kind: "plain", schema: z.strictObject({}) },
      answers,
      handle: async ({ ports, caller, params }) => changed(await deleteAlias(ports, caller, params.id ?? "")),
    }),
  ];
}
