import { EnrolmentTokenCreate } from "@claviger/shared/api/gateway";
import { detachGateway } from "../../gateways/detach.ts";
import { drainGateway, resumeGateway } from "../../gateways/drain.ts";
import { createEnrolmentToken } from "../../gateways/issue-token.ts";
import { listGateways, readGateway } from "../../gateways/list.ts";
import { memberRoute, type Route } from "../route.ts";

export const gatewayRoutes: readonly Route[] = [
  memberRoute({
    method: "GET",
    path: "/api/v1/gateways",
    summary: "List gateways and how they do",
    access: "viewer",
    body: { kind: "none" },
    answers: "gateway",
    handle: async ({ ports, caller }) => {
      const { resources, next, total } = await listGateways(ports, caller);
      return { kind: "list", resources, next, meta: { total } };
    },
  }),
  memberRoute<EnrolmentTokenCreate>({
    method: "POST",
    path: "/api/v1/gateways/enrolment-tokens",
    summary: "Make a token by which a gateway's replicas enrol within 15 minutes",
    access: "admin",
    body: { kind: "plain", schema: EnrolmentTokenCreate },
    answers: "enrolment-token",
    handle: async ({ ports, caller, body }) => ({
      kind: "change",
      created: true,
      changed: await createEnrolmentToken(ports, caller, body),
    }),
  }),
  memberRoute({
    method: "GET",
    path: "/api/v1/gateways/:id",
    summary: "Read a gateway",
    access: "viewer",
    body: { kind: "none" },
    answers: "gateway",
    handle: async ({ ports, caller, params }) => ({
      kind: "one",
      resource: await readGateway(ports, caller, params.id ?? ""),
    }),
  }),
  memberRoute({
    method: "POST",
    path: "/api/v1/gateways/:id/drain",
    summary: "Let a gateway finish what it does and take no new requests",
    access: "admin",
    body: { kind: "none" },
    answers: "gateway",
    handle: async ({ ports, caller, params }) => ({
      kind: "change",
      created: false,
      changed: await drainGateway(ports, caller, params.id ?? ""),
    }),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/gateways/:id/drain",
    summary: "Let a gateway take requests again",
    access: "admin",
    body: { kind: "none" },
    answers: "gateway",
    handle: async ({ ports, caller, params }) => ({
      kind: "change",
      created: false,
      changed: await resumeGateway(ports, caller, params.id ?? ""),
    }),
  }),
  memberRoute({
    method: "DELETE",
    path: "/api/v1/gateways/:id",
    summary: "Detach a gateway for good; the answer says what it held",
    access: "admin",
    body: { kind: "none" },
    handle: async ({ ports, caller, params }) => ({
      kind: "change",
      created: false,
      changed: await detachGateway(ports, caller, params.id ?? ""),
    }),
  }),
];
