/** The organization's data keys: what provider credentials are encrypted under (PROTOCOL §2.13). */
import type { SecretRecord } from "@claviger/shared/wire/record";
import type { Ports } from "../ports.ts";
import type { Tx } from "./journal.ts";

export interface Credential {
  orgId: string;
  id: string;
  version: number;
  provider: string;
  /** Host (with port, when not the default) that the credential may be sent to. */
  host: string;
  secret: string;
}

/** Encrypts a provider credential under the organization's current data key, bound to its host. */
export async function sealCredential(_tx: Tx, _ports: Ports, _credential: Credential): Promise<SecretRecord> {
  throw new Error("data keys are being built");
}
