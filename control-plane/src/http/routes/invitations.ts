import { InvitationAccept, InvitationCreate, InvitationLookup } from "@claviger/shared/api/invitation";
import { acceptInvitation, lookUpInvitation } from "../../invitations/accept.ts";
import { createInvitation } from "../../invitations/create.ts";
import { deleteInvitation, listInvitations } from "../../invitations/list.ts";
import { changed, created, listed } from "../answers.ts";
import { memberRoute, openRoute, type Route } from "../route.ts";

const answers = "invitation";
const none = { kind: "none" } as const;

export const invitationRoutes: readonly Route[] = [
  memberRoute({
    method: "POST",
    path: "/api/v1/invitations",
    summary: "Invite an address; the token of its link is in meta.secretKey, once",
    access: "admin",
    body: { kind: "resource", type: "invitation", attributes: InvitationCreate },
    answers,
    handle: async ({ ports, caller, body }) => created(await createInvitation(ports, caller, body)),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/invitations",
    summary: "List invitations that were neither accepted nor withdrawn",
    access: "admin",
    body: none,
    answers,
    handle: async ({ ports, caller }) => listed(await listInvitations(ports, caller)),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/invitations/:id",
    summary: "Withdraw an invitation; its link is dead at once",
    access: "admin",
    body: none,
    answers,
    handle: async ({ ports, caller, params }) =>
      changed(await deleteInvitation(ports, caller, params.id ?? "")),
  }),
  openRoute({
    method: "POST",
    path: "/api/v1/invitations/lookup",
    summary: "What a link invites to; no credentials needed",
    access: "public",
    body: { kind: "plain", schema: InvitationLookup },
    answers,
    handle: async ({ ports, body }) => ({
      kind: "one",
      resource: await lookUpInvitation(ports, body.token),
    }),
  }),
  openRoute({
    method: "POST",
    path: "/api/v1/invitations/accept",
    summary: "Become a member by a link, once; no credentials needed",
    access: "public",
    body: { kind: "plain", schema: InvitationAccept },
    answers: "member",
    handle: async ({ ports, body }) => {
      const { resource } = await acceptInvitation(ports, body);
      return { kind: "one", status: 201, resource };
    },
  }),
];
