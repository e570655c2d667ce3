/** What is written down of whoever asked, and for what. */
import { formatIp, networkOf } from "@claviger/shared/decide/ip";
import type { Exchange } from "../ports.ts";
import type { Authenticated, RequestFacts, Trace } from "../rooms.ts";

/** One request as far as its checks have come. */
export interface Asked {
  readonly exchange: Exchange;
  readonly requestId: string;
  readonly atMs: number;
  readonly ip: Authenticated["ip"];
  readonly tokenId?: string | undefined;
  readonly trace?: Trace | undefined;
  readonly route: { readonly surface: string; readonly path: string };
}

/** Facts of a request; its address is the caller's as far as trusted proxies tell it, else the connection's. */
export function factsOf({ exchange, requestId, atMs, ip, tokenId, trace, route }: Asked): RequestFacts {
  return {
    requestId,
    atMs,
    surface: route.surface,
    method: exchange.method,
    path: route.path,
    ip: ip === undefined ? exchange.peer : formatIp(ip),
    ipPrefix: ip === undefined ? "" : networkOf(ip),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(trace === undefined ? {} : { trace }),
  };
}
