/** The HTTP side of a Node gateway: limits on what a connection may do, and a shutdown that loses no request. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { refuse } from "@claviger/shared/decide/refusals";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Gateway } from "../../app.ts";
import type { Exchange } from "../../ports.ts";
import { nodeExchange } from "./exchange.ts";
import { answerWhatIsNoRequest, refuseOn } from "./no-request.ts";

export const HEADER_BYTES_MAX = 16 * 1024;
const TICK_MS = 1000;

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly gatewayName: string;
  /** Longest time for a request's head to arrive. */
  readonly headMsMax: number;
  /** Longest time for a whole request to arrive; above the body limit of the core. */
  readonly requestMsMax: number;
}

export interface RunningServer {
  readonly port: number;
  /** Refuses new requests, lets those in flight end within `graceMs`, then ends them and closes. */
  stop(graceMs: number): Promise<void>;
}

interface NodeBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** The core's `exchangeOf` on Node. */
export function exchangeOf(env: unknown): Exchange {
  const { incoming, outgoing } = env as NodeBindings;
  return nodeExchange(incoming, outgoing);
}

/** The core's `alreadyAnswered` on Node. */
export function alreadyAnswered(): Response {
  return RESPONSE_ALREADY_SENT;
}

/** Listens; rejects when the address cannot be had. */
export async function startServer(gateway: Gateway, settings: ServerSettings): Promise<RunningServer> {
  const listener = getRequestListener((request, env) => gateway.fetch(request, env), {
    overrideGlobalObjects: false,
  });
  const options = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: settings.headMsMax,
    requestTimeout: settings.requestMsMax,
    connectionsCheckingInterval: 5000,
    keepAliveTimeout: 65_000,
    noDelay: true,
    // Node would keep the first of two `Authorization` headers and hide the second from us.
    joinDuplicateHeaders: true,
    // Its absence is refused below, in our words.
    requireHostHeader: false,
  };
  const server = createServer(options, (incoming, outgoing) => {
    if (isHost(incoming.headers.host)) {
      if (!gateway.answer(nodeExchange(incoming, outgoing))) void listener(incoming, outgoing);
    } else {
      const refusal = refuse("invalid_header");
      refuseOn(outgoing, settings.gatewayName, { refusal, path: incoming.url });
    }
  });
  answerWhatIsNoRequest(server, settings.gatewayName);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, settings.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const ticking = setInterval(() => gateway.tick(), TICK_MS).unref();
  return {
    port: (server.address() as AddressInfo).port,
    async stop(graceMs) {
      gateway.drain();
      await quiet(gateway, graceMs);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      gateway.abortAll();
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), 500).unref();
      await closed;
      clearTimeout(cut);
      clearInterval(ticking);
    },
  };
}

/** The last good one: callers of one gateway mostly name the same. */
let lastHost: string | undefined;

/** One authority and nothing else (RFC 9112 §3.2). */
function isHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  if (host === lastHost) return true;
  const good = /^[A-Za-z0-9._~[\]:-]+$/.test(host) && URL.canParse(`http://${host}`);
  if (good) lastHost = host;
  return good;
}

/** Resolves when no request is in flight any more, not even between two attempts, or after `graceMs`. */
function quiet(gateway: Gateway, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const deadlineMs = performance.now() + graceMs;
    const look = () => {
      if (gateway.quiet() || performance.now() >= deadlineMs) resolve();
      else setTimeout(look, 20);
    };
    look();
  });
}
