/** Every route of the control plane, once. What is not here is a 404. */
import type { Route } from "./route.ts";
import { agentRoutes, apiKeyRoutes } from "./routes/api-keys.ts";
import { enrolmentRoutes } from "./routes/enrolment.ts";
import { ephemeralTokenRoutes } from "./routes/ephemeral-tokens.ts";
import { eventRoutes } from "./routes/events.ts";
import { gatewayRoutes } from "./routes/gateways.ts";
import { invitationRoutes } from "./routes/invitations.ts";
import { leakedKeyRoutes } from "./routes/leaked-keys.ts";
import { llmApiKeyRoutes } from "./routes/llm-api-keys.ts";
import { logRoutes } from "./routes/logs.ts";
import { mcpServerRoutes } from "./routes/mcp-servers.ts";
import { memberRoutes } from "./routes/members.ts";
import { modelRoutes } from "./routes/models.ts";
import { notificationRoutes } from "./routes/notifications.ts";
import { oauthRoutes } from "./routes/oauth.ts";
import { operationRoutes } from "./routes/operations.ts";
import { organizationRoutes } from "./routes/organizations.ts";
import { personalAccessTokenRoutes } from "./routes/personal-access-tokens.ts";
import { projectRoutes } from "./routes/projects.ts";
import { savedViewRoutes } from "./routes/saved-views.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { statusRoutes } from "./routes/status.ts";
import { usageRoutes } from "./routes/usage.ts";

export const routes: readonly Route[] = [
  ...organizationRoutes,
  ...sessionRoutes,
  ...signInRoutes,
  ...personalAccessTokenRoutes,
  ...memberRoutes,
  ...invitationRoutes,
  ...savedViewRoutes,
  ...projectRoutes,
  ...apiKeyRoutes,
  ...agentRoutes,
  ...ephemeralTokenRoutes,
  ...oauthRoutes,
  ...leakedKeyRoutes,
  ...llmApiKeyRoutes,
  ...modelRoutes,
  ...mcpServerRoutes,
  ...gatewayRoutes,
  ...operationRoutes,
  ...eventRoutes,
  ...logRoutes,
  ...notificationRoutes,
  ...usageRoutes,
  ...enrolmentRoutes,
  ...statusRoutes,
];
