import { ListParameters, listQuery, pageParameters } from "@claviger/shared/api/list";
import * as z from "zod";
import { listModels, listProviders } from "../../models/list.ts";
import { listed } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const none = { kind: "none" } as const;

const Filters = z.strictObject({
  ...pageParameters,
  "filter[provider]": z.string().max(64).optional(),
  "filter[search]": z.string().max(256).optional(),
});

export const modelRoutes: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/models",
    summary: "List the catalogue with prices",
    access: "viewer",
    body: none,
    query: Filters,
    answers: "model",
    handle: async ({ query }) =>
      listed(
        listModels({
          ...listQuery(query),
          provider: query["filter[provider]"],
          search: query["filter[search]"],
        }),
      ),
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
];
