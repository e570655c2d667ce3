/**
 * The egress guard on Node: base URLs are chosen by tenants, so the address is judged where the connection is made, after
 * the name has been resolved, and the checked address is the one that is connected to: a name that resolves differently
 * the second time gains nothing. The judgement is `@claviger/shared/decide/egress`.
 */
import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup } from "node:dns";
import {
  admitsAddresses,
  type EgressAllow,
  type EgressMode,
  egressModeOf,
  readEgressAllow,
} from "@claviger/shared/decide/egress";

/** Reads a comma-separated list of `host:port` and CIDRs; throws with the entry that is neither. */
export function parseEgressAllow(text: string): EgressAllow {
  const read = readEgressAllow(text.split(","));
  if ("bad" in read) {
    throw new Error(`CLAVIGER_EGRESS_ALLOW: ${JSON.stringify(read.bad)} is neither host:port nor a CIDR`);
  }
  return read;
}

/** Judges an origin before any name is resolved. */
export function egressMode(allow: EgressAllow, origin: string): EgressMode {
  return URL.canParse(origin) ? egressModeOf(allow, new URL(origin)) : "blocked";
}

/** Marks a connection that the guard refused, for the answer `upstream_blocked`. */
export class EgressBlocked extends Error {
  readonly code = "EGRESS_BLOCKED";
  constructor() {
    super("the address is not one that this gateway may connect to");
  }
}

type Done = (error: Error | null, address: string | LookupAddress[], family?: number) => void;
type Resolve = (
  host: string,
  options: LookupOptions,
  done: (error: Error | null, found: LookupAddress[]) => void,
) => void;

const systemResolve: Resolve = (host, options, done) => lookup(host, { ...options, all: true }, done);

/**
 * A `lookup` for `net.connect` that hands out nothing but checked addresses. In mode `public` a public address or a
 * listed one will do, in mode `listed` (plain http) only a listed one. One bad address among several blocks the name.
 */
export function guardedLookup(
  allow: EgressAllow,
  mode: "public" | "listed",
  resolve: Resolve = systemResolve,
): (host: string, options: LookupOptions, done: Done) => void {
  return (host, options, done) => {
    resolve(host, options, (error, found) => {
      if (error !== null) return done(error, []);
      const first = found[0];
      if (first === undefined || !admitsAddresses(allow, mode, addressesOf(found))) {
        return done(new EgressBlocked(), []);
      }
      if (options.all === true) return done(null, found);
      return done(null, first.address, first.family);
    });
  };
}

function addressesOf(found: readonly LookupAddress[]): string[] {
  return found.map(({ address }) => address);
}
