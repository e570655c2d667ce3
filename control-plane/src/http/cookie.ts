/** The session cookie: out of reach of scripts and other sites; with https also bound to the exact host. */
import type { Settings } from "../settings.ts";

/** What it is for: a session, or a sign-in that was begun. */
export type CookiePurpose = "session" | "sign-in";

/** `__Host-` needs https (RFC 6265bis §4.1.3.2); on a developer's machine there is none. */
export function cookieName(settings: Settings, purpose: CookiePurpose = "session"): string {
  return `${isSecure(settings) ? "__Host-" : ""}claviger-${purpose}`;
}

export function setCookie(
  settings: Settings,
  value: string,
  maxAgeSeconds: number,
  purpose: CookiePurpose = "session",
): string {
  const secure = isSecure(settings) ? "; Secure" : "";
  const name = cookieName(settings, purpose);
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`;
}

export function clearCookie(settings: Settings, purpose: CookiePurpose = "session"): string {
  return setCookie(settings, "", 0, purpose);
}

/** The value of that session's cookie, when it is there exactly once and is one of ours by form. */
export function readCookie(request: Request, name: string): string | undefined {
  const value = onlyCookie(request, name);
  return value !== undefined && /^[0-9A-Za-z]{43}$/.test(value) ? value : undefined;
}

/** What the browser keeps of a sign-in that it has begun. */
export function readCeremony(settings: Settings, request: Request): string | undefined {
  return onlyCookie(request, cookieName(settings, "sign-in"));
}

function onlyCookie(request: Request, name: string): string | undefined {
  const values = (request.headers.get("cookie") ?? "")
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

function isSecure(settings: Settings): boolean {
  return settings.publicUrl.startsWith("https:");
}
