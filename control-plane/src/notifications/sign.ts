/** Signatures of webhooks by the Standard Webhooks specification (standardwebhooks.com, v1: HMAC-SHA256). */

const PREFIX = "whsec_";
const SECRET_BYTES = 32;

/** `whsec_` and 32 random bytes in base64. */
export function makeSecret(random: (bytes: number) => Uint8Array): string {
  return PREFIX + Buffer.from(random(SECRET_BYTES)).toString("base64");
}

/** The three headers that go with `body`; `id` is the same for every attempt, the time is the attempt's. */
export async function signedHeaders(
  secret: string,
  id: string,
  nowMs: number,
  body: string,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const bytes = Buffer.from(secret.slice(PREFIX.length), "base64");
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, Buffer.from(`${id}.${timestamp}.${body}`));
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${Buffer.from(signed).toString("base64")}`,
  };
}
