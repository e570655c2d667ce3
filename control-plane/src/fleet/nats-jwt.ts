/**
 * NATS's JWTs (version 2, `ed25519-nkey`): operator, accounts and users. nats-server is the validator; what a gateway
 * may say and hear is decided by the template of its organization's signing key, never by its own token.
 */
import { createHash } from "node:crypto";
import { base32, type Nkey } from "./nkey.ts";

/** How long a replica's bus credential lives, in seconds. */
export const USER_JWT_SECONDS = 86_400;

const UNLIMITED = { subs: -1, data: -1, payload: -1 } as const;
const OPEN_ACCOUNT = { ...UNLIMITED, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 } as const;
/** One organization's share of the bus: generous for a fleet, too small to starve the others. */
const ORG_ACCOUNT = {
  subs: 20_000,
  data: -1,
  payload: 1_048_576,
  imports: 2,
  exports: 0,
  wildcards: true,
  conn: 4_000,
  leaf: 0,
} as const;

/** The template of the organization's signing key: whole tokens only, so that `name()` expands. */
const GATEWAY_TEMPLATE = {
  pub: { allow: ["up.{{name()}}.>"] },
  sub: { allow: ["dn.d", "dn.gw.{{name()}}", "_INBOX.{{name()}}.>"] },
  ...UNLIMITED,
} as const;

interface Claims {
  sub: string;
  name: string;
  /** Unix seconds. */
  iat: number;
  exp?: number;
  nats: Record<string, unknown>;
}

export function operatorJwt(operator: Nkey, systemAccount: string, iat: number): string {
  const nats = { type: "operator", version: 2, system_account: systemAccount };
  return mint(operator, { sub: operator.publicKey, name: "claviger", iat, nats });
}

/** The system account has explicit limits: without them its clients only see timeouts. */
export function systemAccountJwt(operator: Nkey, account: string, iat: number): string {
  const nats = {
    type: "account",
    version: 2,
    limits: OPEN_ACCOUNT,
    default_permissions: { pub: {}, sub: {} },
  };
  return mint(operator, { sub: account, name: "SYS", iat, nats });
}

/**
 * The control plane's account. `account_token_position` makes an import of a foreign organization's subjects
 * impossible, even if a wrong account JWT were signed.
 */
export function controlPlaneAccountJwt(operator: Nkey, account: string, iat: number): string {
  const exports = [
    { name: "down", subject: "dn.*.>", type: "stream", account_token_position: 2 },
    { name: "up", subject: "up.*.>", type: "service", response_type: "Singleton", account_token_position: 2 },
  ];
  const nats = {
    type: "account",
    version: 2,
    limits: OPEN_ACCOUNT,
    exports,
    default_permissions: { pub: {}, sub: {} },
  };
  return mint(operator, { sub: account, name: "CP", iat, nats });
}

export interface OrganizationAccount {
  orgId: string;
  account: string;
  signingKey: string;
  /** User public key → Unix seconds. */
  revocations: Readonly<Record<string, number>>;
}

/** An organization's account: exactly two imports, one templated signing key. */
export function organizationAccountJwt(
  operator: Nkey,
  controlPlane: string,
  organization: OrganizationAccount,
  iat: number,
): string {
  const { account, signingKey, revocations } = organization;
  const from = { account: controlPlane };
  const nats = {
    type: "account",
    version: 2,
    limits: ORG_ACCOUNT,
    imports: [
      { ...from, name: "down", subject: `dn.${account}.>`, type: "stream", local_subject: "dn.>" },
      { ...from, name: "up", subject: `up.${account}.>`, type: "service", local_subject: "up.>" },
    ],
    signing_keys: [{ kind: "user_scope", key: signingKey, role: "gateway", template: GATEWAY_TEMPLATE }],
    default_permissions: { pub: {}, sub: {} },
    ...(Object.keys(revocations).length > 0 ? { revocations } : {}),
  };
  return mint(operator, { sub: account, name: organization.orgId, iat, nats });
}

/** A replica's bus credential, signed by its organization's scoped key: it carries no rights of its own. */
export function replicaJwt(
  signing: Nkey,
  account: string,
  replica: { id: string; nkey: string },
  iat: number,
): string {
  const nats = { type: "user", version: 2, issuer_account: account };
  return mint(signing, { sub: replica.nkey, name: replica.id, iat, exp: iat + USER_JWT_SECONDS, nats });
}

/** A user of the control plane itself, with every right inside `account`; expires like a replica's. */
export function ownUserJwt(account: Nkey, user: string, name: string, iat: number): string {
  const nats = { type: "user", version: 2, pub: {}, sub: {}, ...UNLIMITED };
  return mint(account, { sub: user, name, iat, exp: iat + USER_JWT_SECONDS, nats });
}

function mint(issuer: Nkey, claims: Claims): string {
  const body = { ...claims, iss: issuer.publicKey };
  const jti = base32(createHash("sha256").update(JSON.stringify(body)).digest());
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ ...body, jti })}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
