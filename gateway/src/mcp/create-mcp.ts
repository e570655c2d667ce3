/** The room's door: how MCP is served here, and what of it runs. */
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { Exchange } from "../ports.ts";
import type { McpDeps } from "./deps.ts";
import { createLook } from "./discover.ts";
import type { McpRoute } from "./routes.ts";
import { serveMcp } from "./serve.ts";
import { Sightings } from "./sightings.ts";
import { Streams } from "./streams.ts";

export interface Mcp {
  /** Resolves when the request has been refused or handed on. */
  serve(exchange: Exchange, route: McpRoute): Promise<void>;
  readonly inflight: number;
  readonly quiet: boolean;
  /** Ends what may not go on by the table as it is now; how many those were. */
  recheck(): number;
  tick(nowMonoMs: number): void;
  /** Ends what only listens. */
  drain(): void;
  abortAll(refusal: Refusal): number;
}

export function createMcp(given: Omit<McpDeps, "streams" | "sightings">): Mcp {
  const streams = new Streams(given.settings);
  const sightings = new Sightings(createLook(given), () => given.clock.monoMs());
  const deps: McpDeps = { ...given, streams, sightings };
  return {
    serve: (exchange, route) => serveMcp(deps, exchange, route),
    get inflight() {
      return streams.size;
    },
    get quiet() {
      return streams.quiet;
    },
    recheck: () => streams.recheck(),
    tick: (nowMonoMs) => streams.tick(nowMonoMs),
    drain: () => streams.drain(),
    abortAll: (refusal) => streams.abortAll(refusal),
  };
}
