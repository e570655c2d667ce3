/** The route table as one Hono application, with what stands outside of `/api/v1`. */
import { type ApiProblem, problem } from "@claviger/shared/api/problem";
import { Hono } from "hono";
import type { Ports } from "../ports.ts";
import type { Settings } from "../settings.ts";
import { isReady } from "../status/ready.ts";
import { mountDashboard } from "./dashboard.ts";
import { type HttpEnv, makeRequestId, mount } from "./mount.ts";
import { openApiOf } from "./openapi/document.ts";
import { type Described, pageHeaders, pageOf } from "./openapi/page.ts";
import { failureResponse } from "./refuse.ts";
import type { Route } from "./route.ts";
import { routes as table } from "./route-table.ts";
import { courierRoutes } from "./routes/courier.ts";

/** Answers every request; never throws. `fleetPorts` serve what replicas call, as the bus does. */
export function createServer(ports: Ports, settings: Settings, fleetPorts: Ports): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const routes = [...table, ...courierRoutes(fleetPorts)];
  app.use(async (context, next) => {
    context.set("requestId", makeRequestId(ports));
    await next();
    context.res.headers.set("x-request-id", context.get("requestId"));
    context.res.headers.set("x-content-type-options", "nosniff");
  });
  for (const [path, methods] of literalMethods(routes)) {
    // Another route may take any name in this place; it must not take this one for the id of something.
    app.use(path, async (context, next) => {
      const method = context.req.method === "HEAD" ? "GET" : context.req.method;
      if (methods.includes(method)) return next();
      return failureResponse(wrongMethod(methods), "json-api", context.get("requestId"), ports.log);
    });
  }
  for (const route of routes) app.on(route.method, route.path, mount(route, ports, settings));
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", async (context) => {
    const ready = await isReady(ports);
    return context.json({ status: ready ? "ready" : "database_unavailable" }, ready ? 200 : 503);
  });
  const described = openApiOf(routes);
  const openApi = JSON.stringify(described);
  const page = pageOf(described as Described);
  app.get("/openapi.json", (context) => context.body(openApi, 200, { "content-type": "application/json" }));
  app.get("/docs", (context) => context.body(page, 200, pageHeaders));
  if (settings.dashboardDir !== undefined) mountDashboard(app, settings.dashboardDir);
  const others = [get("/healthz"), get("/readyz"), get("/openapi.json"), get("/docs")];
  const known = [...routes, ...others].map(({ method, path }) => ({ method, pattern: patternOf(path) }));
  app.notFound((context) => {
    const { pathname } = new URL(context.req.url);
    const allow = [
      ...new Set(known.filter(({ pattern }) => pattern.test(pathname)).map(({ method }) => method)),
    ];
    const error = allow.length === 0 ? problem("unknown_url") : wrongMethod(allow);
    const shape = pathname.startsWith("/gateway/") ? "gateway" : "json-api";
    return failureResponse(error, shape, context.get("requestId"), ports.log);
  });
  app.onError((error, context) => failureResponse(error, "json-api", context.get("requestId"), ports.log));
  return app;
}

/** The methods of each path below `/api/` that has no parameters. */
function literalMethods(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    if (!path.startsWith("/api/") || path.includes(":")) continue;
    methods.set(path, [...(methods.get(path) ?? []), method]);
  }
  return methods;
}

const get = (path: string): Pick<Route, "method"> & { path: string } => ({ method: "GET", path });

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:[A-Za-z0-9]+/g, "[^/]+")}$`);
}

function wrongMethod(allow: readonly string[]): ApiProblem {
  const named = allow.includes("GET") ? [...allow, "HEAD"] : allow;
  return problem("method_not_allowed", undefined, { allow: named });
}
