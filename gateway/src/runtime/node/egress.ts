/**
 * The egress guard on Node: base URLs are chosen by tenants, so the address is judged where the connection is made. The
 * judgement is `@claviger/shared/decide/egress`, what hands out addresses is `…/guarded-lookup`.
 */
import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { type EgressAllow, type EgressMode, egressModeOf } from "@claviger/shared/decide/egress";
import {
  guardedLookup as guard,
  type Lookup,
  type Resolve,
  requireEgressAllow,
} from "@claviger/shared/decide/guarded-lookup";

/** Reads a comma-separated list of `host:port` and CIDRs; throws with the entry that is neither. */
export function parseEgressAllow(text: string): EgressAllow {
  try {
    return requireEgressAllow(text.split(","));
  } catch (error) {
    throw new Error(`CLAVIGER_EGRESS_ALLOW: ${(error as Error).message}`, { cause: error });
  }
}

/** Judges an origin before any name is resolved. */
export function egressMode(allow: EgressAllow, origin: string): EgressMode {
  return URL.canParse(origin) ? egressModeOf(allow, new URL(origin)) : "blocked";
}

const systemResolve: Resolve<LookupOptions, LookupAddress> = (host, options, done) =>
  lookup(host, { ...options, all: true }, done);

/** A `lookup` for `net.connect` that hands out nothing but checked addresses; only a test brings a resolver. */
export function guardedLookup(
  allow: EgressAllow,
  mode: "public" | "listed",
  resolve = systemResolve,
): Lookup<LookupOptions, LookupAddress> {
  return guard(allow, mode, resolve);
}
