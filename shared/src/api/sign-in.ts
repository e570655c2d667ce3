/** How members of an organization sign in: its rules, its own provider (OpenID Connect), and passkeys (WebAuthn). */
import * as z from "zod";
import { Id, Label } from "./attribute.ts";
import { Role } from "./role.ts";

export const SignInPolicyEdit = z.strictObject({
  sessionHoursMax: z.int().min(1).max(720).optional(),
  idleMinutesMax: z.int().min(5).max(43_200).nullable().optional(),
  ownSignIn: z.enum(["everybody", "owners"]).optional(),
});
export type SignInPolicyEdit = z.infer<typeof SignInPolicyEdit>;

export interface SignInPolicyView {
  /** Hours from sign-in to the end of a session. */
  readonly sessionHoursMax: number;
  /** Minutes without a request after which a session ends; null: never because of that. */
  readonly idleMinutesMax: number | null;
  /** Who may sign in by a password or a passkey; the others use single sign-on. */
  readonly ownSignIn: "everybody" | "owners";
}

const Issuer = z
  .url({ protocol: /^https?$/, error: "must be an https URL" })
  .max(512)
  .refine((text) => !/[?#]/.test(text), "must have no query and no fragment (OpenID Connect Discovery §2)");

const RoleMapping = z
  .record(z.string().min(1).max(256), Role)
  .refine((mapping) => Object.keys(mapping).length <= 100, "must not have more than 100 entries");

export const SingleSignOnEdit = z.strictObject({
  issuer: Issuer.optional(),
  clientId: z.string().min(1).max(512).optional(),
  /** null: a public client, which proves itself by PKCE alone. */
  clientSecret: z.string().min(1).max(2048).nullable().optional(),
  /** A claim of the ID token: a text or a list of texts. */
  roleClaim: z.string().min(1).max(128).nullable().optional(),
  roleMapping: RoleMapping.optional(),
  defaultRole: Role.nullable().optional(),
  trustEmail: z.boolean().optional(),
});
export type SingleSignOnEdit = z.infer<typeof SingleSignOnEdit>;

export interface SingleSignOnView {
  readonly issuer: string;
  readonly clientId: string;
  readonly hasClientSecret: boolean;
  readonly roleClaim: string | null;
  readonly roleMapping: Readonly<Record<string, Role>>;
  readonly defaultRole: Role | null;
  /** Addresses count as verified although the provider does not say so. */
  readonly trustEmail: boolean;
  /** To be registered with the provider. */
  readonly redirectUri: string;
  /** Where members begin. */
  readonly signInUrl: string;
  readonly createdAt: string;
}

/** Why a browser came back to the sign-in page, as `?error=` of that page. */
export type SingleSignOnFailure =
  | "single_sign_on_not_set_up"
  | "single_sign_on_unavailable"
  | "single_sign_on_refused"
  | "single_sign_on_expired"
  | "single_sign_on_email_unverified"
  | "single_sign_on_no_role"
  | "single_sign_on_disabled";

export const SingleSignOnBegin = z.strictObject({ organization: Id });

/** What a provider sends a browser back with (RFC 6749 §4.1.2, RFC 9207): read by the code that checks it. */
export const SingleSignOnReturn = z.looseObject({});

export const PasskeyCreate = z.strictObject({
  name: Label,
  /** `RegistrationResponseJSON` of WebAuthn Level 3 §5.1.8. */
  response: z.looseObject({ id: z.string().min(1).max(1400) }),
});
export type PasskeyCreate = z.infer<typeof PasskeyCreate>;

export const PasskeySignIn = z.strictObject({
  /** `AuthenticationResponseJSON` of WebAuthn Level 3 §5.1.8. */
  response: z.looseObject({ id: z.string().min(1).max(1400) }),
});
export type PasskeySignIn = z.infer<typeof PasskeySignIn>;

export interface PasskeyView {
  readonly name: string;
  /** Held by more than one device. */
  readonly synced: boolean;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
}

/** What an authenticator is asked to sign. */
export interface PasskeyChallengeView {
  /** `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` of WebAuthn Level 3. */
  readonly options: object;
}
