/** Passkeys by @simplewebauthn/server. User verification is always asked for: a passkey stands for both factors. */
import {
  type AuthenticationResponseJSON,
  type AuthenticatorTransport,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import type { RelyingParty, WebAuthn } from "../../ports.ts";

export const webAuthn: WebAuthn = {
  async registered(response, party) {
    const info = await orUndefined(async () => {
      const answer = response as RegistrationResponseJSON;
      return (await verifyRegistrationResponse({ response: answer, ...expectedOf(party) })).registrationInfo;
    });
    if (info === undefined) return undefined;
    const { id, publicKey, counter, transports = [] } = info.credential;
    return {
      credentialId: id,
      publicKey,
      counter,
      transports,
      synced: info.credentialDeviceType === "multiDevice",
    };
  },
  async signed(response, party, { credentialId, publicKey, counter, transports }) {
    const verified = await orUndefined(() =>
      verifyAuthenticationResponse({
        response: response as AuthenticationResponseJSON,
        ...expectedOf(party),
        credential: {
          id: credentialId,
          publicKey: new Uint8Array(publicKey),
          counter,
          transports: transports as AuthenticatorTransport[],
        },
      }),
    );
    return verified?.verified ? { counter: verified.authenticationInfo.newCounter } : undefined;
  },
};

function expectedOf({ origin, challenge }: RelyingParty) {
  return { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: new URL(origin).hostname };
}

/** The library throws for whatever does not hold; what it says is about bytes that anybody may send. */
async function orUndefined<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch {
    return undefined;
  }
}
