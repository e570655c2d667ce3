import type { Credentials } from "../../local/types.ts";

/** A control plane, and who may enter it. */
export interface Place {
  readonly url: string;
  readonly credentials: Credentials;
}

/** Signs the administrator in by the API; resolves with the session's cookie, as a browser takes it. */
export async function signIn({ url, credentials }: Place) {
  const attributes = { email: credentials.adminEmail, password: credentials.adminPassword };
  const answer = await fetch(`${url}/api/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url },
    body: JSON.stringify({ data: { type: "session", attributes } }),
  });
  const set = answer.headers.get("set-cookie") ?? "";
  const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
  if (answer.status !== 201 || name !== "claviger-session") {
    throw new Error(`signing in answered ${answer.status}: ${await answer.text()}`);
  }
  return { name, value, url };
}
