import { ListParameters, listQuery } from "@claviger/shared/api/list";
import { MemberCreate, MemberDelete, MemberEdit } from "@claviger/shared/api/member";
import { createMember } from "../../members/create.ts";
import { deleteMember } from "../../members/delete.ts";
import { editMember } from "../../members/edit.ts";
import { listMembers, readMember } from "../../members/list.ts";
import { changed, created, listed, read } from "../answers.ts";
import { memberRoute, type Route } from "../route.ts";

const answers = "member";
const none = { kind: "none" } as const;

export const memberRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/members",
    summary: "Add a member; a password that was made up is in meta.secretKey, once",
    access: "admin",
    body: { kind: "resource", type: "member", attributes: MemberCreate },
    answers,
    handle: async ({ ports, caller, body }) => created(await createMember(ports, caller, body)),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/members",
    summary: "List the organization's members",
    access: "viewer",
    body: none,
    query: ListParameters,
    answers,
    handle: async ({ ports, caller, query }) => listed(await listMembers(ports, caller, listQuery(query))),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/members/:id",
    summary: "Read a member",
    access: "viewer",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) => read(await readMember(ports, caller, params.id ?? "")),
  }),
  memberRoute({
    method: "PATCH",
    path: "/api/v1/members/:id",
    summary: "Rename a member, change the role, or disable or enable; disabling stops the member's keys",
    access: "viewer",
    body: { kind: "resource", type: "member", attributes: MemberEdit },
    answers,
    handle: async ({ ports, caller, params, body, ifMatch }) =>
      changed(await editMember(ports, caller, params.id ?? "", body, ifMatch)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/members/:id",
    summary: "End a membership; its keys are deactivated or get another owner",
    access: "admin",
    body: { kind: "plain", schema: MemberDelete },
    answers,
    handle: async ({ ports, caller, params, body }) =>
      changed(await deleteMember(ports, caller, params.id ?? "", body)),
  }),
];
