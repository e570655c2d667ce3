import { clientIp } from "@claviger/shared/decide/forwarded";
import { formatIp } from "@claviger/shared/decide/ip";
import type { Settings } from "../settings.ts";

/**
 * The address of who asks: behind trusted proxies the one that they name, else that of the connection. `unknown` when a
 * trusted proxy names nobody that can be read: those share one count of failures.
 */
export function clientOf(settings: Settings, peer: string | undefined, request: Request): string {
  if (peer === undefined) return "unknown";
  if (settings.trustedProxies === undefined) return peer;
  const address = clientIp(peer, request.headers.get("x-forwarded-for"), settings.trustedProxies);
  return address === undefined ? "unknown" : formatIp(address);
}
