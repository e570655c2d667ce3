/** The session cookie: out of reach of scripts and other sites; with https also bound to the exact host. */
import { SESSION_MS } from "../sessions/create.ts";
import type { Settings } from "../settings.ts";

/** `__Host-` needs https (RFC 6265bis §4.1.3.2); on a developer's machine there is none. */
export function cookieName(settings: Settings): string {
  return isSecure(settings) ? "__Host-claviger-session" : "claviger-session";
}

export function setCookie(settings: Settings, value: string): string {
  return serialize(settings, value, Math.floor(SESSION_MS / 1000));
}

export function clearCookie(settings: Settings): string {
  return serialize(settings, "", 0);
}

/** The value of that cookie, when it is there exactly once and is one of ours by form. */
export function readCookie(request: Request, name: string): string | undefined {
  const values = (request.headers.get("cookie") ?? "")
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && /^[0-9A-Za-z]{43}$/.test(value) ? value : undefined;
}

function serialize(settings: Settings, value: string, maxAgeSeconds: number): string {
  const secure = isSecure(settings) ? "; Secure" : "";
  return `${cookieName(settings)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`;
}

function isSecure(settings: Settings): boolean {
  return settings.publicUrl.startsWith("https:");
}
