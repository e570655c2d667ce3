/** Every page and its path, once. What is not the list of keys is loaded when it is first wanted. Paths of other products are redirected by the control plane. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { KeysPage } from "./keys/keys-page.tsx";
import { NotFound } from "./shell/not-found.tsx";
import { RouteError } from "./shell/route-error.tsx";
import { Shell } from "./shell/shell.tsx";

/** The address in plain text: whoever reads or writes a link by hand sees what it says. */
type Search = Record<string, string | undefined>;

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: RouteError,
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
});

const keys = createRoute({ getParentRoute: () => root, path: "/keys", component: KeysPage });

const project = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/api-access",
  component: lazyRouteComponent(() => import("./projects/project-page.tsx"), "ProjectPage"),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("./settings/settings-page.tsx"), "SettingsPage"),
});

const models = createRoute({
  getParentRoute: () => root,
  path: "/models",
  component: lazyRouteComponent(() => import("./models/models-page.tsx"), "ModelsPage"),
});

const notifications = createRoute({
  getParentRoute: () => root,
  path: "/notifications",
  component: lazyRouteComponent(() => import("./notifications/notifications-page.tsx"), "NotificationsPage"),
});

const routeTree = root.addChildren([
  createRoute({
    getParentRoute: () => root,
    path: "/",
    beforeLoad: () => {
      throw redirect({ to: "/keys" });
    },
  }),
  keys.addChildren([
    createRoute({
      getParentRoute: () => keys,
      path: "/new",
      component: lazyRouteComponent(() => import("./keys/create-page.tsx"), "CreatePage"),
    }),
  ]),
  createRoute({
    getParentRoute: () => root,
    path: "/keys/$keyId",
    component: lazyRouteComponent(() => import("./keys/key-page.tsx"), "KeyPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/llm-keys",
    component: lazyRouteComponent(() => import("./llm-keys/llm-keys-page.tsx"), "LlmKeysPage"),
  }),
  models.addChildren([
    createRoute({
      getParentRoute: () => models,
      path: "/",
      component: lazyRouteComponent(() => import("./models/catalogue.tsx"), "Catalogue"),
    }),
    createRoute({
      getParentRoute: () => models,
      path: "/aliases",
      component: lazyRouteComponent(() => import("./models/aliases.tsx"), "Aliases"),
    }),
  ]),
  createRoute({
    getParentRoute: () => root,
    path: "/mcp",
    component: lazyRouteComponent(() => import("./mcp/mcp-page.tsx"), "McpPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/agents",
    component: lazyRouteComponent(() => import("./agents/agents-page.tsx"), "AgentsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/members",
    component: lazyRouteComponent(() => import("./members/members-page.tsx"), "MembersPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/projects",
    component: lazyRouteComponent(() => import("./projects/projects-page.tsx"), "ProjectsPage"),
  }),
  project.addChildren([
    createRoute({
      getParentRoute: () => project,
      path: "/api-keys",
      component: lazyRouteComponent(() => import("./projects/project-page.tsx"), "ProjectApiKeys"),
    }),
    createRoute({
      getParentRoute: () => project,
      path: "/llm-keys",
      component: lazyRouteComponent(() => import("./projects/project-page.tsx"), "ProjectLlmKeys"),
    }),
  ]),
  createRoute({
    getParentRoute: () => root,
    path: "/gateways",
    component: lazyRouteComponent(() => import("./gateways/gateways-page.tsx"), "GatewaysPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/usage",
    component: lazyRouteComponent(() => import("./usage/usage-page.tsx"), "UsagePage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/logs",
    component: lazyRouteComponent(() => import("./logs/logs-page.tsx"), "LogsPage"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/audit",
    component: lazyRouteComponent(() => import("./audit/audit-page.tsx"), "AuditPage"),
  }),
  notifications.addChildren([
    createRoute({
      getParentRoute: () => notifications,
      path: "/",
      component: lazyRouteComponent(() => import("./notifications/told.tsx"), "Told"),
    }),
    createRoute({
      getParentRoute: () => notifications,
      path: "/channels",
      component: lazyRouteComponent(() => import("./notifications/channels.tsx"), "Channels"),
    }),
    createRoute({
      getParentRoute: () => notifications,
      path: "/rules",
      component: lazyRouteComponent(() => import("./notifications/rules.tsx"), "Rules"),
    }),
    createRoute({
      getParentRoute: () => notifications,
      path: "/deliveries",
      component: lazyRouteComponent(() => import("./notifications/deliveries.tsx"), "Deliveries"),
    }),
  ]),
  settings.addChildren([
    createRoute({
      getParentRoute: () => settings,
      path: "/",
      beforeLoad: () => {
        throw redirect({ to: "/settings/sessions" });
      },
    }),
    createRoute({
      getParentRoute: () => settings,
      path: "/sessions",
      component: lazyRouteComponent(() => import("./settings/sessions.tsx"), "Sessions"),
    }),
    createRoute({
      getParentRoute: () => settings,
      path: "/tokens",
      component: lazyRouteComponent(() => import("./settings/tokens.tsx"), "Tokens"),
    }),
    createRoute({
      getParentRoute: () => settings,
      path: "/security",
      component: lazyRouteComponent(() => import("./settings/security.tsx"), "Security"),
    }),
    createRoute({
      getParentRoute: () => settings,
      path: "/sso",
      component: lazyRouteComponent(() => import("./settings/single-sign-on.tsx"), "SingleSignOn"),
    }),
    createRoute({
      getParentRoute: () => settings,
      path: "/appearance",
      component: lazyRouteComponent(() => import("./settings/appearance.tsx"), "Appearance"),
    }),
  ]),
]);

export const router = createRouter({
  routeTree,
  basepath: "/dashboard",
  defaultErrorComponent: RouteError,
  defaultNotFoundComponent: NotFound,
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const given = Object.entries(search).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [[name, String(value)]],
    );
    return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
