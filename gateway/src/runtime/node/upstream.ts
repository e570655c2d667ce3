/**
 * The way to providers on Node: an HTTP/1.1 client of our own on plain sockets, bytes handed on as they come. Redirects
 * are not followed, HTTP/2 is not negotiated, and every connection is made through the egress guard.
 */

import type { EgressAllow, EgressMode } from "@claviger/shared/decide/egress";
import type {
  Upstream,
  UpstreamCall,
  UpstreamFailure,
  UpstreamListener,
  UpstreamRequest,
} from "../../ports.ts";
import { Decoding, decoderFor, headOfDecoded } from "./decode.ts";
import { egressMode, guardedLookup } from "./egress.ts";
import type { Caller, Connection } from "./upstream-connection.ts";
import { type AnswerHead, requestHeadText } from "./upstream-head.ts";
import { Pool } from "./upstream-pool.ts";
import { Ticker } from "./upstream-ticker.ts";

export interface UpstreamSettings {
  readonly egressAllow: EgressAllow;
  readonly connectTimeoutMs: number;
}

const ORIGINS_REMEMBERED_MAX = 10_000;

/** Where an origin leads: nowhere, or to connections. */
type Way = Pool | "blocked";

export function createUpstream({ egressAllow, connectTimeoutMs }: UpstreamSettings): Upstream {
  const ticker = new Ticker();
  const lookups: Record<Exclude<EgressMode, "blocked">, ReturnType<typeof guardedLookup> | undefined> = {
    open: undefined,
    public: guardedLookup(egressAllow, "public"),
    listed: guardedLookup(egressAllow, "listed"),
  };
  const ways = new Map<string, Way>();
  const wayTo = (origin: string): Way => {
    let way = ways.get(origin);
    if (way === undefined) {
      if (ways.size >= ORIGINS_REMEMBERED_MAX) forgetIdle(ways);
      const mode = egressMode(egressAllow, origin);
      way =
        mode === "blocked"
          ? mode
          : new Pool({ origin: new URL(origin), lookup: lookups[mode], connectTimeoutMs, ticker });
      ways.set(origin, way);
    }
    return way;
  };
  return {
    open(request, listener) {
      const call = new Call(request, listener);
      const way = wayTo(request.origin);
      if (way === "blocked") queueMicrotask(() => call.failed("blocked", true));
      else call.start(way);
      return call;
    },
    async close() {
      ticker.endAll();
    },
  };
}

/** Connections in use come back to a pool that nobody finds any more, and end there with their time. */
function forgetIdle(ways: Map<string, Way>): void {
  for (const [origin, way] of ways) if (way === "blocked" || way.isEmpty) ways.delete(origin);
  if (ways.size >= ORIGINS_REMEMBERED_MAX) ways.clear();
}

/** One upstream call: what its connection tells, and the caller's handle on it, in one object. */
class Call implements UpstreamCall, Caller {
  readonly request: UpstreamRequest;
  headText = "";
  readonly #listener: UpstreamListener;
  /** As long as it works for this call. */
  #connection: Connection | undefined;
  #decoding: Decoding | undefined;
  #over = false;

  constructor(request: UpstreamRequest, listener: UpstreamListener) {
    this.request = request;
    this.#listener = listener;
  }

  start(pool: Pool): void {
    try {
      this.headText = requestHeadText(this.request, pool.host);
    } catch {
      // What would not stay in its place is not sent; the caller is told like of any request that did not get there.
      queueMicrotask(() => this.failed("disconnected", true));
      return;
    }
    pool.open(this, (connection) => {
      this.#connection = connection;
    });
  }

  pause(): void {
    if (this.#decoding === undefined) this.#connection?.pause();
    else this.#decoding.pause();
  }

  resume(): void {
    if (this.#decoding === undefined) this.#connection?.resume();
    else this.#decoding.resume();
  }

  close(): void {
    this.#over = true;
    this.#decoding?.close();
    this.#connection?.close();
    this.#connection = undefined;
  }

  head({ status, flat }: AnswerHead): void {
    if (this.#over) return;
    const decoder = decoderFor(flat);
    if (decoder === undefined) return this.#listener.head(status, flat);
    const source = { pause: () => this.#connection?.pause(), resume: () => this.#connection?.resume() };
    this.#decoding = new Decoding(decoder, source, {
      data: (bytes) => this.#data(bytes),
      end: () => this.#end(),
      failed: (why) => {
        const connection = this.#connection;
        this.failed(why, false);
        connection?.close();
      },
    });
    this.#listener.head(status, headOfDecoded(flat));
  }

  data(bytes: Uint8Array): void {
    if (this.#over) return;
    if (this.#decoding === undefined) this.#listener.data(bytes);
    else this.#decoding.write(bytes);
  }

  end(): void {
    this.#connection = undefined;
    if (this.#decoding === undefined) this.#end();
    else if (!this.#over) this.#decoding.end();
  }

  failed(why: UpstreamFailure, nothingSent: boolean): void {
    this.#connection = undefined;
    if (this.#over) return;
    this.#over = true;
    this.#decoding?.close();
    this.#listener.failed(why, nothingSent);
  }

  #data(bytes: Uint8Array): void {
    if (!this.#over) this.#listener.data(bytes);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.end();
  }
}
