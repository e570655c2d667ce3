/**
 * The egress guard where a connection is made: a look-up that hands out nothing but checked addresses, so that what was
 * judged is what is connected to, and a name that resolves differently the second time gains nothing. Whoever connects
 * brings the resolver.
 */
import { admitsAddresses, type EgressAllow, readEgressAllow } from "./egress.ts";

/** Marks a connection that the guard refused; who is told, and that no address is named, is the caller's to keep. */
export class EgressBlocked extends Error {
  readonly code = "EGRESS_BLOCKED";
  constructor() {
    super("the address is not one that this process may connect to (CLAVIGER_EGRESS_ALLOW)");
  }
}

interface Found {
  readonly address: string;
  readonly family: number;
}

/** What the platform's resolver answers when it is asked for all addresses of a name. */
export type Resolve<Options, Address extends Found> = (
  host: string,
  options: Options,
  done: (error: Error | null, found: Address[]) => void,
) => void;

/** As whoever makes connections asks for it: one address, or all of them when `options.all` says so. */
export type Lookup<Options, Address extends Found> = (
  host: string,
  options: Options,
  done: (error: Error | null, address: string | Address[], family?: number) => void,
) => void;

/** Reads entries of `host:port` and CIDRs; throws with the one that is neither. */
export function requireEgressAllow(entries: readonly string[]): EgressAllow {
  const read = readEgressAllow(entries);
  if ("bad" in read) throw new Error(`${JSON.stringify(read.bad)} is neither host:port nor a CIDR`);
  return read;
}

/**
 * In mode `public` a public address or a listed one will do, in mode `listed` (plain http) only a listed one. One bad
 * address among several blocks the name.
 */
export function guardedLookup<Options extends { readonly all?: boolean | undefined }, Address extends Found>(
  allow: EgressAllow,
  mode: "public" | "listed",
  resolve: Resolve<Options, Address>,
): Lookup<Options, Address> {
  return (host, options, done) => {
    resolve(host, options, (error, found) => {
      if (error !== null) return done(error, []);
      const [first] = found;
      const addresses = found.map(({ address }) => address);
      if (first === undefined || !admitsAddresses(allow, mode, addresses))
        return done(new EgressBlocked(), []);
      return options.all === true ? done(null, found) : done(null, first.address, first.family);
    });
  };
}
