/** The browser's half of passkeys (WebAuthn Level 3); its JSON forms need no library. */
import { ask, resourceBody } from "../api/client.ts";
import type { Session } from "../api/queries.ts";

interface Challenge {
  readonly attributes: { readonly options: object };
}

/** True where the browser has passkeys and reads their JSON forms; they belong to a name, never to an address. */
export function hasPasskeys(): boolean {
  const named = !/^[\d.]+$|^\[/.test(location.hostname);
  return (
    named &&
    typeof PublicKeyCredential !== "undefined" &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential
  );
}

/** Throws `NotAllowedError` (DOMException) when somebody declines. */
export async function addPasskey(name: string): Promise<void> {
  const { data } = await ask<Challenge>("POST", "/passkeys/challenge");
  const options = data.attributes.options as PublicKeyCredentialCreationOptionsJSON;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const response = jsonOf(await navigator.credentials.create({ publicKey }));
  await ask("POST", "/passkeys", { body: resourceBody("passkey", { name, response }) });
}

export async function signInByPasskey(): Promise<Session> {
  const { data } = await ask<Challenge>("POST", "/sessions/passkey-challenge");
  const options = data.attributes.options as PublicKeyCredentialRequestOptionsJSON;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const response = jsonOf(await navigator.credentials.get({ publicKey }));
  return (await ask<Session>("POST", "/sessions/passkey", { body: { response } })).data;
}

function jsonOf(credential: Credential | null): object {
  if (credential instanceof PublicKeyCredential) return credential.toJSON();
  throw new Error("the browser gave no passkey");
}
