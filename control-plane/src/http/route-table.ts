/** Every route of the control plane, once. What is not here is a 404. */
import type { Route } from "./route.ts";
import { enrolmentRoutes } from "./routes/enrolment.ts";
import { gatewayRoutes } from "./routes/gateways.ts";
import { logRoutes } from "./routes/logs.ts";
import { operationRoutes } from "./routes/operations.ts";
import { statusRoutes } from "./routes/status.ts";

export const routes: readonly Route[] = [
  ...gatewayRoutes,
  ...operationRoutes,
  ...logRoutes,
  ...enrolmentRoutes,
  ...statusRoutes,
];
