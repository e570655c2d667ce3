/**
 * The egress guard: which addresses this process may open a connection to for a provider. Base URLs are chosen by
 * tenants, so the address is judged where the connection is made, after the name has been resolved, and the checked
 * address is the one that is connected to: a name that resolves differently the second time gains nothing.
 */
import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup } from "node:dns";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** `CLAVIGER_EGRESS_ALLOW`: what the operator of this gateway lets through although it is not public. */
export interface EgressAllow {
  /** `host:port`, lower case. */
  readonly hosts: ReadonlySet<string>;
  readonly ranges: readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];
}

/** How a connection to an origin is to be made; `blocked` is never connected to. */
export type EgressMode = "open" | "public" | "listed" | "blocked";

const METADATA_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** Reads a comma-separated list of `host:port` and CIDRs; throws with the entry that is neither. */
export function parseEgressAllow(text: string): EgressAllow {
  const hosts = new Set<string>();
  const ranges: (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[] = [];
  for (const entry of text.split(",").map((part) => part.trim().toLowerCase())) {
    if (entry === "") continue;
    if (entry.includes("/") && ipaddr.isValidCIDR(entry)) ranges.push(ipaddr.parseCIDR(entry));
    else if (/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}$/.test(entry)) hosts.add(entry);
    else throw new Error(`CLAVIGER_EGRESS_ALLOW: ${JSON.stringify(entry)} is neither host:port nor a CIDR`);
  }
  return { hosts, ranges };
}

/** True for addresses of the public internet: everything with a special meaning in an IANA registry is refused. */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast";
}

function isListed(allow: EgressAllow, address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return allow.ranges.some(
    ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network as ipaddr.IPv4, bits),
  );
}

/** Judges an origin before any name is resolved; literal addresses are judged here because no resolver sees them. */
export function egressMode(allow: EgressAllow, origin: string): EgressMode {
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return "blocked";
  }
  const secure = url.protocol === "https:";
  if (!secure && url.protocol !== "http:") return "blocked";
  const host = url.hostname.toLowerCase();
  const port = url.port === "" ? (secure ? "443" : "80") : url.port;
  if (allow.hosts.has(`${host}:${port}`)) return "open";
  const literal = host.startsWith("[") ? host.slice(1, -1) : host;
  if (isIP(literal) !== 0) {
    if (isListed(allow, literal)) return "open";
    return secure && isPublicAddress(literal) ? "open" : "blocked";
  }
  if (METADATA_NAMES.has(host.replace(/\.$/, ""))) return "blocked";
  return secure ? "public" : "listed";
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
  const admits = (address: string) =>
    isListed(allow, address) || (mode === "public" && isPublicAddress(address));
  return (host, options, done) => {
    resolve(host, options, (error, found) => {
      if (error !== null) return done(error, []);
      const first = found[0];
      if (first === undefined || !found.every(({ address }) => admits(address))) {
        return done(new EgressBlocked(), []);
      }
      if (options.all === true) return done(null, found);
      return done(null, first.address, first.family);
    });
  };
}
