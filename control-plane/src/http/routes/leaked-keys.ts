import * as z from "zod";
import { countReport } from "../../leaked-keys/flood.ts";
import { reportLeak } from "../../leaked-keys/report.ts";
import { openRoute, type Route } from "../route.ts";

const LeakedKey = z.strictObject({ secret: z.string().min(1).max(8192) });

/** Every report that is taken is answered at this time, so that the time does not tell what was found either. */
const ANSWERED_AFTER_MS = 250;

export const leakedKeyRoutes: readonly Route[] = [
  openRoute<z.infer<typeof LeakedKey>>({
    method: "POST",
    path: "/api/v1/leaked-keys",
    summary: "Report a secret that was found where it should not be; a valid one is revoked",
    access: "public",
    body: { kind: "plain", schema: LeakedKey },
    handle: async ({ ports, peer, body }) => {
      await countReport(ports, peer);
      const time = new Promise((resolve) => setTimeout(resolve, ANSWERED_AFTER_MS));
      await Promise.all([reportLeak(ports, body.secret), time]);
      return { kind: "one", status: 202, resource: null, meta: { received: true } };
    },
  }),
];
