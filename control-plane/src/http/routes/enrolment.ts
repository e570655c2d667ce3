import { EnrolRequest } from "@claviger/shared/wire/enrol";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { enrol } from "../../fleet/enrolment.ts";
import { openRoute, type Route } from "../route.ts";

/** What gateways call before they have an identity. */
export const enrolmentRoutes: readonly Route[] = [
  openRoute<EnrolRequest>({
    method: "POST",
    path: courierPaths.enrol,
    summary: "Enrol a replica of a gateway",
    access: "public",
    body: { kind: "plain", schema: EnrolRequest },
    errors: "gateway",
    handle: async ({ ports, body }) => ({ kind: "raw", response: Response.json(await enrol(ports, body)) }),
  }),
];
