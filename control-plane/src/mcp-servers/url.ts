/** Where an MCP server may be: https, or what the operator has allowed by name. What a name leads to is the gateways' to guard. */
import { invalidAttribute } from "@claviger/shared/api/problem";
import { isAllowed } from "../llm-keys/base-url.ts";

/** The canonical URL and its host with a port that is not the default; throws what is wrong. */
export function readServerUrl(text: string, egressAllow: readonly string[]): { url: string; host: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalidAttribute("url", "url must be an https URL.");
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw invalidAttribute(
      "url",
      "url must not hold credentials or a fragment; send credentials as headers.",
    );
  }
  if (url.protocol === "http:" && !isAllowed(url, egressAllow)) {
    throw invalidAttribute("url", "url must be https; the operator has not allowed this address.");
  }
  return { url: url.href, host: url.host };
}
