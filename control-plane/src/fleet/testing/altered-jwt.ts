/** NATS JWTs as nobody should have signed them. */
import type { Nkey } from "../nkey.ts";

export interface Claims {
  iss: string;
  sub: string;
  nats: {
    imports?: object[];
    exports?: { account_token_position?: number }[];
    limits?: Record<string, unknown>;
    signing_keys?: { template: { pub: { allow: string[] }; sub: { allow: string[] } } }[];
    issuer_account?: string;
    pub?: { allow: string[] };
    sub?: { allow: string[] };
  };
}

/** The same claims with a change, signed by `issuer`. */
export function altered(jwt: string, issuer: Nkey, change: (claims: Claims) => void): string {
  const [head, body = ""] = jwt.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Claims;
  claims.iss = issuer.publicKey;
  change(claims);
  const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}
