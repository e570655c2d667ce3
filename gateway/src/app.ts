/**
 * A gateway without its platform: the rooms put together, and the routes. Start reading here.
 */
import type { IpRanges } from "@claviger/shared/decide/ip-ranges";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Verify } from "@claviger/shared/wire/sign";
import { Hono } from "hono";
import { createAuthenticate } from "./admit/authenticate.ts";
import { refuseBySize, refuseByType } from "./admit/content.ts";
import { createGrant } from "./admit/grant.ts";
import { createMcpGrant } from "./admit/grant-mcp.ts";
import { createVerifyToken } from "./admit/verify-token.ts";
import type { Follower, FollowerStatus } from "./follow/follower.ts";
import { Health } from "./forward/health.ts";
import { Inflight } from "./forward/inflight.ts";
import { answerModels } from "./forward/models.ts";
import { sendProblem } from "./forward/problem.ts";
import { dialectOfPath, isAt, pathOf, type Route, routes } from "./forward/routes.ts";
import { serve } from "./forward/serve.ts";
import type { Shape } from "./forward/surfaces.ts";
import { ownHeaders, type ServeDeps, type ServeSettings } from "./forward/visit.ts";
import { createMcp, type Mcp } from "./mcp/create-mcp.ts";
import { type McpRoute, mcpRoutes } from "./mcp/routes.ts";
import { countUp, createMetrics, type Metrics } from "./metrics.ts";
import type { Clock, Crypto, Exchange, Log, SharedKeys, Upstream, Vault } from "./ports.ts";
import type { Ledger, Reserve } from "./rooms.ts";
import { holdNothing } from "./spend/hold-nothing.ts";
import { createLimits, type Limits } from "./spend/limits.ts";
import { Exporter, type Post } from "./telemetry/exporter.ts";
import { observedLedger } from "./telemetry/observed-ledger.ts";
import { type RuntimeGauges, renderMetrics } from "./telemetry/prometheus.ts";
import type { TraceSettings } from "./telemetry/settings.ts";
import { createTracer } from "./telemetry/tracer.ts";

export interface GatewayPorts {
  readonly clock: Clock;
  readonly crypto: Crypto;
  /** By the control plane's pinned keys: ephemeral tokens are signed like everything else it says. */
  readonly verify: Verify;
  readonly upstream: Upstream;
  readonly vault: Vault;
  /** Absent: no session with an MCP server can be begun here. */
  readonly shared?: SharedKeys;
  readonly follower: Follower;
  readonly ledger: Ledger;
  /** Absent where nothing can be held: then keys with a budget are refused. */
  readonly reserve?: Reserve;
  readonly log: Log;
  /** Given when the logs count into the same; else the gateway makes its own. */
  readonly metrics?: Metrics;
  /** What of `/metrics` only the runtime knows. */
  readonly gauges?: () => RuntimeGauges;
  /** How spans leave; needed where `settings.traces` is given. */
  readonly post?: Post;
  /** How many replicas of the organization share each limit that nobody deals; 1 while that is not known. */
  readonly replicas: () => number;
  /** Absent where nobody deals: then each replica has an equal share. */
  readonly limits?: Limits;
  /** What the runtime makes of Hono's environment. */
  readonly exchangeOf: (env: unknown) => Exchange;
  /** What a handler returns when the exchange has its answer already. */
  readonly alreadyAnswered: () => Response;
}

export interface GatewaySettings extends ServeSettings {
  readonly organizationId: string;
  readonly gatewayId: string;
  readonly trustedProxies: IpRanges;
  /** `GET` streams of MCP that one key may have open here at once. */
  readonly mcpStreamsMax: number;
  /** Absent: nothing is traced. */
  readonly traces?: TraceSettings | undefined;
}

export interface Gateway {
  readonly fetch: (request: Request, env: unknown) => Response | Promise<Response>;
  /**
   * Answers a request whose method and target stand in the route table as they are, and says whether it does: the short
   * way of nearly all traffic, which a router and its adapter would cost a tenth of its time. All else is for `fetch`.
   */
  readonly answer: (exchange: Exchange) => boolean;
  /** Requests that are being forwarded. */
  inflight(): number;
  /** False also while a request is between two attempts, when nothing of it is being forwarded. */
  quiet(): boolean;
  /** To be called about once a second: limits of time. */
  tick(): void;
  /** From now on every new request is refused (`draining`); those in flight go on. */
  drain(): void;
  /** Ends what is still in flight, as the last thing. */
  abortAll(): number;
  /** Sends what telemetry has gathered, once. */
  close(): Promise<void>;
}

/** Composes the gateway and connects it to the follower's aborts. */
export function createGateway(ports: GatewayPorts, settings: GatewaySettings): Gateway {
  const { follower, clock, metrics = createMetrics() } = ports;
  const limits = ports.limits ?? createLimits({ clock, replicas: ports.replicas });
  const inflight = new Inflight();
  // What is logged is let go by the control plane's time, so no wrong clock here may date it.
  const stamps: Clock = {
    wallMs: () => Math.floor(follower.freshness().nowMs),
    monoMs: () => clock.monoMs(),
  };
  const exporter = createExporter(ports, settings);
  const deps: ServeDeps = {
    ...ports,
    clock: stamps,
    settings,
    metrics,
    ledger: observedLedger(ports.ledger, metrics),
    tracer:
      exporter === undefined || settings.traces === undefined
        ? undefined
        : createTracer({ clock: stamps, exporter, sampling: settings.traces.sampling }),
    inflight,
    view: follower.view,
    authenticate: createAuthenticate({
      ...settings,
      crypto: ports.crypto,
      verifyToken: createVerifyToken(ports.verify, settings.organizationId),
      authority: follower,
    }),
    grant: createGrant(follower),
    reserve: ports.reserve ?? holdNothing,
    health: new Health(),
    limits,
    refuseBySize,
    refuseByType,
  };
  const { shared = NO_SHARED_KEYS } = ports;
  const mcp = createMcp({ ...deps, settings, shared, grant: createMcpGrant(follower) });
  follower.onAbort((abort) => inflight.abort(abort, follower.view) + mcp.recheck());
  const state: State = { ports, settings, deps, metrics, inflight, mcp, exporter, draining: false };
  const app = new Hono<{ Bindings: Record<string, unknown> }>();
  const answer = mountData(app, state);
  mountHealth(app, state);
  return {
    fetch: (request, env) => app.fetch(request, env as Record<string, unknown>),
    answer,
    inflight: () => inflight.size + mcp.inflight,
    quiet: () => inflight.quiet && mcp.quiet,
    tick() {
      inflight.tick(clock.monoMs());
      mcp.tick(clock.monoMs());
      limits.tick();
    },
    drain: () => {
      state.draining = true;
      mcp.drain();
    },
    abortAll: () => inflight.abortAll(refuse("draining")) + mcp.abortAll(refuse("draining")),
    close: async () => exporter?.close(),
  };
}

function createExporter({ post }: GatewayPorts, { traces }: GatewaySettings): Exporter | undefined {
  if (traces === undefined) return undefined;
  if (post === undefined) throw new Error("traces cannot leave without a way to post them");
  return new Exporter(traces.exporting, post);
}

const NO_SHARED_KEYS: SharedKeys = { newest: () => undefined, byId: () => undefined };

type App = Hono<{ Bindings: Record<string, unknown> }>;

interface State {
  readonly ports: GatewayPorts;
  readonly settings: GatewaySettings;
  readonly deps: ServeDeps;
  readonly metrics: Metrics;
  readonly inflight: Inflight;
  readonly mcp: Mcp;
  readonly exporter: Exporter | undefined;
  draining: boolean;
}

/** The process is stopping, or an admin has said so. */
function isDraining({ draining, ports }: State): boolean {
  return draining || ports.follower.draining();
}

/** Every data route. */
const table: readonly (Route | McpRoute)[] = [...routes, ...mcpRoutes];

/** The closed table of data routes; what is not in it is a 404, and another method a 405. */
function mountData(app: App, state: State): Gateway["answer"] {
  const { ports, metrics, settings, deps, mcp } = state;
  const turnAway = (exchange: Exchange, refusal: Refusal, dialect: Shape): Response => {
    countUp(metrics.refusals, refusal.code);
    const requestId = `req_${ports.crypto.randomId()}`;
    sendProblem(
      exchange.answer,
      refusal,
      dialect,
      ownHeaders(settings.gatewayName, requestId, { dialect }),
      requestId,
    );
    return ports.alreadyAnswered();
  };
  const start = (route: Route | McpRoute, exchange: Exchange): Promise<void> => {
    if (route.kind === "mcp") return mcp.serve(exchange, route);
    return route.kind === "forward" ? serve(deps, exchange, route) : answerModels(deps, exchange, route);
  };
  const answer = (route: Route | McpRoute, exchange: Exchange): Response => {
    if (isDraining(state)) return turnAway(exchange, refuse("draining"), route.dialect);
    const work = start(route, exchange);
    work.catch((error: unknown) => {
      ports.log.error({ err: error }, "request failed");
      if (exchange.answer.begun) exchange.answer.cut();
      else turnAway(exchange, refuse("internal_error"), route.dialect);
    });
    return ports.alreadyAnswered();
  };
  /** By method and path, where no other row has the same path. */
  const plain = new Map<string, Route | McpRoute>();
  // One handler for each path: a second one would cost every request a walk through middleware.
  for (const mount of new Set(table.map((route) => route.mount))) {
    const here = table.filter((route) => route.mount === mount);
    const [first] = here;
    if (first !== undefined && here.length === 1 && first.path === mount) {
      plain.set(`${first.method} ${mount}`, first);
    }
    app.all(mount, (c) => {
      const method = c.req.method === "HEAD" ? "GET" : c.req.method;
      const exchange = ports.exchangeOf(c.env);
      const path = pathOf(exchange.target);
      const fitting = here.filter((each) => isAt(each, path));
      const route = fitting.find((each) => each.method === method);
      if (route !== undefined) return answer(route, exchange);
      const allow = [...new Set(fitting.map((each) => each.method))];
      const refusal = allow.length > 0 ? refuse("method_not_allowed", { allow }) : refuse("unknown_url");
      return turnAway(exchange, refusal, dialectOfPath(path));
    });
  }
  app.notFound((c) => turnAway(ports.exchangeOf(c.env), refuse("unknown_url"), dialectOfPath(c.req.path)));
  app.onError((error, c) => {
    ports.log.error({ err: error }, "request failed");
    return turnAway(ports.exchangeOf(c.env), refuse("internal_error"), dialectOfPath(c.req.path));
  });
  return (exchange) => {
    const route = plain.get(`${exchange.method} ${exchange.target}`);
    if (route !== undefined) answer(route, exchange);
    return route !== undefined;
  };
}

/** What tells operators and balancers how the gateway is. */
function mountHealth(app: App, state: State): void {
  const { metrics, inflight, exporter } = state;
  const { follower, gauges: runtimeGauges } = state.ports;
  app.get("/healthz", (c) => c.json({ status: "ok" }, 200, plainHeaders(state)));
  app.get("/readyz", (c) => {
    if (isDraining(state)) return c.json({ status: "draining" }, 503, plainHeaders(state));
    if (follower.ready()) return c.json({ status: "ready" }, 200, plainHeaders(state));
    const reason = follower.detached() ? "detached" : whyNotReady(follower.status());
    return c.json({ status: "not ready", reason }, 503, plainHeaders(state));
  });
  app.get("/metrics", (c) => {
    const { epoch, rev, ageMs, dropped, loaded } = follower.status();
    const damaged = loaded === "damaged";
    const gauges = {
      ...{ inflight: inflight.size, epoch, rev, ageMs, dropped, damaged, ready: follower.ready() },
      ...{ own: runtimeGauges?.(), spans: exporter?.counts },
    };
    const headers = { ...plainHeaders(state), "content-type": "text/plain; version=0.0.4; charset=utf-8" };
    return c.body(renderMetrics(metrics, gauges), 200, headers);
  });
}

/** `state_damaged`: what was on disk is not believed until the control plane has been heard (PROTOCOL §2.4). */
function whyNotReady({ configured, loaded, ageMs }: FollowerStatus): string {
  if (loaded === "damaged" && !Number.isFinite(ageMs)) return "state_damaged";
  return configured ? "authorization_stale" : "no_configuration";
}

function plainHeaders({ settings, ports }: State): Record<string, string> {
  const requestId = `req_${ports.crypto.randomId()}`;
  return {
    "x-claviger-gateway": settings.gatewayName,
    "x-request-id": requestId,
    "cache-control": "no-store",
  };
}
