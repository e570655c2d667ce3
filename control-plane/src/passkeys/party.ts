import type { Settings } from "../settings.ts";

/**
 * The origin that passkeys belong to. They need a name (WebAuthn Level 3 §5.1.2), so a control plane of a developer's
 * machine has them under `localhost` in place of its address.
 */
export function originOf(settings: Settings): string {
  const url = new URL(settings.publicUrl);
  if (url.hostname === "127.0.0.1" || url.hostname === "[::1]") url.hostname = "localhost";
  return url.origin;
}
