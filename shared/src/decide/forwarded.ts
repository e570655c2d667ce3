/**
 * Who the client is behind proxies. Only a hop that is listed as trusted may say who came before it: the list of
 * X-Forwarded-For is walked from the right, and what stands left of the first untrusted hop is never read. An entry of
 * a trusted hop that cannot be read leaves the client unknown, and an unknown client passes no address list.
 */
import { type Address, parseIp } from "./ip.ts";
import { type IpRanges, inRanges } from "./ip-ranges.ts";

/**
 * The client's address; undefined when it cannot be told. `peer` is the socket's address as the platform writes it;
 * `forwardedFor` is the X-Forwarded-For header, several of them joined by commas in order.
 */
export function clientIp(
  peer: string | undefined,
  forwardedFor: string | null | undefined,
  trusted: IpRanges,
): Address | undefined {
  let address = peer === undefined ? undefined : parseIp(withoutZone(peer));
  if (!forwardedFor) return address;
  let end = forwardedFor.length;
  while (address !== undefined && end >= 0 && inRanges(trusted, address)) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(",", end - 1);
    const entry = forwardedFor.slice(comma + 1, end).trim();
    address = parseIp(withoutPort(entry));
    end = comma;
  }
  return address;
}

/** Link-local peers come with a zone (`fe80::1%eth0`), which names an interface of ours and not the peer. */
function withoutZone(peer: string): string {
  const percent = peer.indexOf("%");
  return percent < 0 ? peer : peer.slice(0, percent);
}

const V4_PORT = /^([\d.]{7,15}):\d{1,5}$/;
const V6_BRACKETS = /^\[([0-9a-fA-F:.]{2,45})\](?::\d{1,5})?$/;

/** Some load balancers write `address:port`; an IPv6 address then stands in brackets. */
function withoutPort(entry: string): string {
  return V4_PORT.exec(entry)?.[1] ?? V6_BRACKETS.exec(entry)?.[1] ?? entry;
}
