import { SavedViewCreate, SavedViewEdit } from "@claviger/shared/api/saved-view";
import * as z from "zod";
import { createSavedView, deleteSavedView, editSavedView, listSavedViews } from "../../saved-views/save.ts";
import { gone, listed } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "saved-view";
const none = { kind: "none" } as const;

const ViewQuery = z.strictObject({ "filter[page]": z.string().min(1).max(32).optional() });
type ViewQuery = z.infer<typeof ViewQuery>;

export const savedViewRoutes: readonly Route[] = [
  memberRoute<undefined, ViewQuery>({
    method: "GET",
    path: "/api/v1/saved-views",
    summary: "List one's own saved views and those that are shared",
    access: "viewer",
    body: none,
    query: ViewQuery,
    answers,
    handle: async ({ ports, caller, query }) =>
      listed(await listSavedViews(ports, caller, query["filter[page]"])),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/saved-views",
    summary: "Save a view of a page, for oneself or shared",
    access: "viewer",
    body: { kind: "resource", type: "saved-view", attributes: SavedViewCreate },
    answers,
    handle: async ({ ports, caller, body }) => ({
      kind: "one",
      status: 201,
      resource: await createSavedView(ports, caller, body),
    }),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/saved-views/:id",
    summary: "Rename, change or share a view",
    access: "viewer",
    body: { kind: "resource", type: "saved-view", attributes: SavedViewEdit },
    answers,
    handle: async ({ ports, caller, params, body }) => ({
      kind: "one",
      resource: await editSavedView(ports, caller, params.id ?? "", body),
    }),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/saved-views/:id",
    summary: "Delete a view",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => {
      await deleteSavedView(ports, caller, params.id ?? "");
      return gone();
    },
  }),
];
