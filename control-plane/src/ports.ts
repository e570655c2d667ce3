/** What the control plane's core needs from the place it runs in; `runtime/node` answers each port once. */
import type { VerificationKey } from "@claviger/shared/wire/enrol";
import type { Question } from "@claviger/shared/wire/query";
import type { Sign } from "@claviger/shared/wire/sign";
import type { Database } from "./db/database.ts";

export interface Ports {
  readonly db: Database;
  readonly clock: { nowMs(): number };
  /** Cryptographically random bytes. */
  readonly random: (bytes: number) => Uint8Array;
  /** Signs with the current JWS key of the cluster. */
  readonly sign: Sign;
  readonly vault: Vault;
  readonly passwords: Passwords;
  readonly identityProviders: IdentityProviders;
  readonly webAuthn: WebAuthn;
  readonly bus: Bus;
  readonly wake: Wake;
  readonly fleet: FleetLink;
  readonly log: Log;
}

/** What a replica is told when it enrols, and the way to ask one. */
export interface FleetLink {
  readonly natsUrls: readonly string[];
  /** Public halves of the JWS keys, current and next. */
  readonly verificationKeys: readonly VerificationKey[];
  /** One question to one replica over the bus; resolves to its rows, or undefined when it did not answer in time. */
  ask(
    orgId: string,
    replicaId: string,
    question: Question,
    timeoutMs: number,
  ): Promise<unknown[] | undefined>;
  /**
   * Knocks at the organization's replicas that have a public URL and have not confirmed the latest change by themselves;
   * resolves when they have answered, or will not. Absent where nobody can be knocked at.
   */
  readonly knock?: (orgId: string) => Promise<void>;
}

/** Wraps small secrets (data keys, signing keys) under the key-encryption key; `context` is authenticated. */
export interface Vault {
  wrap(plain: Uint8Array, context: string): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>;
}

/** argon2id (RFC 9106), PHC string format. */
export interface Passwords {
  hash(password: string): Promise<string>;
  verify(password: string, phc: string): Promise<boolean>;
}

/** An OpenID provider, as an organization has set it up. */
export interface IdentityProvider {
  readonly orgId: string;
  readonly issuer: string;
  readonly clientId: string;
  /** null: a public client. */
  readonly clientSecret: string | null;
}

/** What a sign-in by a provider is bound to (RFC 7636, OpenID Connect Core §3.1.2.1). */
export interface SignInBinding {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** `unavailable`: it does not answer, or is none. `refused`: it, or our look at what it said, did. Words are for logs. */
export type ProviderFailure = { readonly failed: "unavailable" | "refused"; readonly words: string };

/** OpenID Connect 1.0, authorization code flow with PKCE; addresses are guarded like all that tenants choose. */
export interface IdentityProviders {
  /** Where a browser signs in. */
  authorize(provider: IdentityProvider, binding: SignInBinding): Promise<URL | ProviderFailure>;
  /** The claims of the ID token, its signature and the binding looked at; `returned` is the address that the browser came back to. */
  exchange(
    provider: IdentityProvider,
    binding: SignInBinding,
    returned: URL,
  ): Promise<{ readonly claims: Readonly<Record<string, unknown>> } | ProviderFailure>;
}

/** The public half of a passkey, and how far its authenticator has counted. */
export interface WebAuthnKey {
  readonly credentialId: string;
  readonly publicKey: Uint8Array;
  readonly counter: number;
  readonly transports: readonly string[];
}

/** Whose page it is that a passkey belongs to. */
export interface RelyingParty {
  readonly origin: string;
  readonly challenge: string;
}

/** WebAuthn Level 3 §7: what an authenticator has sent, looked at. Undefined: it does not hold. */
export interface WebAuthn {
  registered(
    response: object,
    party: RelyingParty,
  ): Promise<(WebAuthnKey & { readonly synced: boolean }) | undefined>;
  /** How far it has counted by now. */
  signed(response: object, party: RelyingParty, key: WebAuthnKey): Promise<{ counter: number } | undefined>;
}

/** The untrusted courier. Publishing never fails a caller: what is lost is fetched by revision. */
export interface Bus {
  publish(subject: string, body: string): void;
  readonly connected: boolean;
}

/** PostgreSQL's LISTEN/NOTIFY: wakes who waits, carries nothing that decides. */
export interface Wake {
  /** Calls back after every notification on the channel, and after every reconnect. Returns the way to stop. */
  on(channel: "operation" | "change" | "fleet", callback: (payload: string) => void): () => void;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
