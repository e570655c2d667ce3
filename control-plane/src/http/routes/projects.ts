import { ListParameters, listQuery } from "@claviger/shared/api/list";
import { ProjectCreate, ProjectDelete, ProjectEdit } from "@claviger/shared/api/project";
import { createProject } from "../../projects/create.ts";
import { deleteProject } from "../../projects/delete.ts";
import { editProject } from "../../projects/edit.ts";
import { listProjects, readProject } from "../../projects/list.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "project";
const none = { kind: "none" } as const;

export const projectRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/projects",
    summary: "Create a project",
    access: "admin",
    body: { kind: "resource", type: "project", attributes: ProjectCreate },
    answers,
    handle: async ({ ports, caller, body }) => created(await createProject(ports, caller, body)),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/projects",
    summary: "List the organization's projects",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers,
    handle: async ({ ports, caller, query }) => listed(await listProjects(ports, caller, listQuery(query))),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/projects/:id",
    summary: "Read a project",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => read(await readProject(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/projects/:id",
    summary: "Rename, disable or enable a project, or set its budget",
    access: "admin",
    body: { kind: "resource", type: "project", attributes: ProjectEdit },
    answers,
    handle: async ({ ports, caller, params, body, ifMatch }) =>
      changed(await editProject(ports, caller, params.id ?? "", body, ifMatch)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/projects/:id",
    summary: 'Delete a project; with {"keys": "delete"} its API keys too',
    access: "admin",
    body: { kind: "plain", schema: ProjectDelete },
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await deleteProject(ports, caller, params.id ?? "", body)),
  }),
];
