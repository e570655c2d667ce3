/**
 * The egress guard's judgement (PROTOCOL §4.1): which addresses a process of ours may connect to when a tenant has chosen
 * them. The bargain: a URL is judged before any name is resolved, every address that a name has is judged before it is
 * connected to, and a redirect is another URL. Whoever connects brings the resolver (`runtime/*`).
 */
import { parseCidr, parseIp } from "./ip.ts";
import { type IpRanges, inRanges, prepareRanges } from "./ip-ranges.ts";

/** `CLAVIGER_EGRESS_ALLOW`: what the operator of this process lets through although it is not public. */
export interface EgressAllow {
  /** `host:port`, lower case. */
  readonly hosts: ReadonlySet<string>;
  readonly ranges: IpRanges;
}

/**
 * How a connection to an origin is to be made: `open` to the address as it stands, `public` to public or listed addresses
 * of its name, `listed` to listed ones only (plain http), `blocked` not at all.
 */
export type EgressMode = "open" | "public" | "listed" | "blocked";

/** The parts of a URL as the WHATWG parser gives them, which has resolved every odd spelling of an address. */
export interface Origin {
  readonly protocol: string;
  /** IPv6 in brackets. */
  readonly hostname: string;
  /** Empty for the protocol's own. */
  readonly port: string;
}

const METADATA_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** IPv4 that is not of the public internet (RFC 6890 and the IANA special-purpose registry). */
const SPECIAL_V4 = prepareRanges([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
]);

/** What is public of IPv6 lies in here (RFC 4291 §2.4), */
const GLOBAL_V6 = prepareRanges(["2000::/3"]);
/** but for protocol assignments with Teredo, documentation, 6to4 and what was never given out. */
const SPECIAL_V6 = prepareRanges([
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "2620:4f:8000::/48",
  "3fff::/20",
]);

/** Reads entries of `host:port` and CIDRs; the entry that is neither is returned as it stands. */
export function readEgressAllow(entries: readonly string[]): EgressAllow | { readonly bad: string } {
  const hosts = new Set<string>();
  const cidrs: string[] = [];
  for (const given of entries) {
    const entry = given.trim().toLowerCase();
    if (entry === "") continue;
    if (entry.includes("/") && parseCidr(entry) !== undefined) cidrs.push(entry);
    else if (/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/.test(entry)) hosts.add(entry);
    else return { bad: entry };
  }
  return { hosts, ranges: prepareRanges(cidrs) };
}

/** True for addresses of the public internet; for what is no address, a zone id included, false. */
export function isPublicAddress(text: string): boolean {
  const address = parseIp(text);
  if (address === undefined) return false;
  if (address.length === 1) return !inRanges(SPECIAL_V4, address);
  return inRanges(GLOBAL_V6, address) && !inRanges(SPECIAL_V6, address);
}

function isListed(allow: EgressAllow, text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && inRanges(allow.ranges, address);
}

/** Judges a URL's origin before any name is resolved; literal addresses are judged here because no resolver sees them. */
export function egressModeOf(allow: EgressAllow, { protocol, hostname, port }: Origin): EgressMode {
  const secure = protocol === "https:";
  if (!secure && protocol !== "http:") return "blocked";
  const host = hostname.toLowerCase();
  if (host === "") return "blocked";
  if (allow.hosts.has(`${host}:${port === "" ? (secure ? "443" : "80") : port}`)) return "open";
  const literal = host.startsWith("[") ? host.slice(1, -1) : host;
  if (host.startsWith("[") || parseIp(literal) !== undefined) {
    if (isListed(allow, literal)) return "open";
    return secure && isPublicAddress(literal) ? "open" : "blocked";
  }
  if (METADATA_NAMES.has(host.replace(/\.+$/, ""))) return "blocked";
  return secure ? "public" : "listed";
}

/** True when a name that has these addresses may be connected to: all of them have to do, and there has to be one. */
export function admitsAddresses(
  allow: EgressAllow,
  mode: "public" | "listed",
  addresses: readonly string[],
): boolean {
  const admits = (address: string) =>
    isListed(allow, address) || (mode === "public" && isPublicAddress(address));
  return addresses.length > 0 && addresses.every(admits);
}
