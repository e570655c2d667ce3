import { OrganizationCreate, OrganizationEdit } from "@claviger/shared/api/organization";
import { createOrganization } from "../../organizations/create.ts";
import { editOrganization } from "../../organizations/edit.ts";
import { readOrganization } from "../../organizations/find.ts";
import { changed, created, read } from "../answers.ts";
import { memberRoute, openRoute, type Route } from "../route.ts";

const answers = "organization";

export const organizationRoutes: readonly Route[] = [
  openRoute({
    method: "POST",
    path: "/api/v1/organizations",
    summary: "Create an organization with its first owner",
    access: "operator",
    body: { kind: "resource", type: "organization", attributes: OrganizationCreate },
    answers,
    handle: async ({ ports, claim, body }) => created(await createOrganization(ports, claim, body)),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/organization",
    summary: "Read the organization",
    access: "viewer",
    body: { kind: "none" },
    answers,
    handle: async ({ ports, caller }) => read(await readOrganization(ports, caller)),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/organization",
    summary: "Edit the organization's policy and budget",
    access: "admin",
    body: { kind: "resource", type: "organization", attributes: OrganizationEdit },
    answers,
    handle: async ({ ports, caller, body, ifMatch }) =>
      changed(await editOrganization(ports, caller, body, ifMatch)),
  }),
];
