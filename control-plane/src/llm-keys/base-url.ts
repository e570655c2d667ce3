/** Where an LLM key may send requests: https, or what the operator has allowed by name. */
import { invalidAttribute } from "@claviger/shared/api/problem";
import { parseIp } from "@claviger/shared/decide/ip";
import { inRanges, prepareRanges } from "@claviger/shared/decide/ip-ranges";

/** The canonical base URL (no trailing slash) and its host with a port that is not the default; throws what is wrong. */
export function readBaseUrl(text: string, egressAllow: readonly string[]): { baseUrl: string; host: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalidAttribute("baseUrl", "baseUrl must be an https URL.");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw invalidAttribute("baseUrl", "baseUrl must not hold credentials, a query or a fragment.");
  }
  if (url.protocol === "http:" && !isAllowed(url, egressAllow)) {
    throw invalidAttribute("baseUrl", "baseUrl must be https; the operator has not allowed this address.");
  }
  const path = url.pathname.replace(/\/+$/, "");
  return { baseUrl: url.origin + path, host: url.host };
}

/** The sandbox has no address of its own: it is the first `host:port` that the operator allows. */
export function sandboxUrl(egressAllow: readonly string[]): string | undefined {
  const entry = egressAllow.find((allowed) => !allowed.includes("/") && /:\d+$/.test(allowed));
  return entry === undefined ? undefined : `http://${entry}`;
}

/** Has the operator allowed this address although it is not https? */
export function isAllowed(url: URL, egressAllow: readonly string[]): boolean {
  const port = url.port === "" ? "80" : url.port;
  if (egressAllow.includes(`${url.hostname}:${port}`)) return true;
  const address = parseIp(url.hostname.replace(/^\[|\]$/g, ""));
  const ranges = prepareRanges(egressAllow.filter((entry) => entry.includes("/")));
  return address !== undefined && inRanges(ranges, address);
}
