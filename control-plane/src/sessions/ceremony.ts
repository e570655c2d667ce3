/**
 * What a browser has begun and not ended: a sign-in by a provider, or a passkey's challenge. The bargain: until the end
 * it is kept by the browser, sealed for us and for its purpose, so that strangers who begin many fill nothing; it ends
 * within ten minutes and once, and the use is remembered for as long as it could be repeated.
 */
import { problem } from "@claviger/shared/api/problem";
import { hashSecret } from "@claviger/shared/key/secret";
import { lt } from "drizzle-orm";
import { ceremony } from "../db/tables/ceremony.ts";
import type { Ports } from "../ports.ts";

/** In seconds: how long somebody may take at a provider's page. */
export const CEREMONY_SECONDS = 600;

export type CeremonyKind = "single-sign-on" | "passkey-sign-in" | "passkey-create";

/** What its end is compared with. */
export type Expected = Readonly<Record<string, string>>;

/** Seals what the end is compared with; the text is the cookie's value. */
export async function beginCeremony(ports: Ports, kind: CeremonyKind, expected: Expected): Promise<string> {
  const body = JSON.stringify({ expected, expiresAtMs: ports.clock.nowMs() + CEREMONY_SECONDS * 1000 });
  const sealed = await ports.vault.wrap(new TextEncoder().encode(body), contextOf(kind));
  return Buffer.from(sealed).toString("base64url");
}

/** What was sealed, once; throws `sign_in_expired` for whatever is not ours, is too old, or was used. */
export async function endCeremony(
  ports: Ports,
  kind: CeremonyKind,
  token: string | undefined,
): Promise<Expected> {
  const opened = token === undefined ? undefined : await open(ports, kind, token);
  const nowMs = ports.clock.nowMs();
  if (token === undefined || opened === undefined || opened.expiresAtMs <= nowMs) {
    throw problem("sign_in_expired");
  }
  await ports.db.delete(ceremony).where(lt(ceremony.expiresAt, new Date(nowMs)));
  const used = await ports.db
    .insert(ceremony)
    .values({ tokenHash: await hashSecret(token), expiresAt: new Date(opened.expiresAtMs) })
    .onConflictDoNothing()
    .returning({ tokenHash: ceremony.tokenHash });
  if (used.length === 0) throw problem("sign_in_expired");
  return opened.expected;
}

async function open(ports: Ports, kind: CeremonyKind, token: string) {
  try {
    const body = await ports.vault.unwrap(Buffer.from(token, "base64url"), contextOf(kind));
    return JSON.parse(new TextDecoder().decode(body)) as { expected: Expected; expiresAtMs: number };
  } catch {
    // Anybody may send anything here.
    return undefined;
  }
}

const contextOf = (kind: CeremonyKind) => `ceremony/${kind}`;
