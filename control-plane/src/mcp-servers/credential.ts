/** The headers that an MCP server's requests carry, sealed: bound to the server, its version and its host. */
import { ApiProblem } from "@claviger/shared/api/problem";
import type { SecretRecord } from "@claviger/shared/wire/record";
import { sealCredential } from "../fleet/data-key.ts";
import type { Tx } from "../fleet/journal.ts";
import { previewOf } from "../llm-keys/find.ts";
import type { Ports } from "../ports.ts";

interface Given {
  readonly bearer?: string | null | undefined;
  readonly headers?: Readonly<Record<string, string>> | null | undefined;
}

/** What the row keeps of a credential. */
export interface KeptCredential {
  readonly secretVersion: number;
  readonly sealed: SecretRecord | null;
  readonly preview: string | null;
  readonly headerNames: string[];
}

export const NO_CREDENTIAL: KeptCredential = {
  secretVersion: 0,
  sealed: null,
  preview: null,
  headerNames: [],
};

/** What becomes of the credential: as it was when the input says nothing of it, which another host does not allow. */
export async function keepCredential(
  tx: Tx,
  ports: Ports,
  at: { orgId: string; id: string; host: string },
  before: KeptCredential,
  input: Given,
): Promise<KeptCredential> {
  const { bearer, headers } = input;
  const headersSent: Record<string, string> | undefined = bearer
    ? { authorization: `Bearer ${bearer}` }
    : headers
      ? Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
      : undefined;
  if (headersSent !== undefined) {
    const version = before.secretVersion + 1;
    const secret = JSON.stringify(headersSent);
    return {
      secretVersion: version,
      sealed: await sealCredential(tx, ports, { ...at, version, provider: "mcp", secret }),
      preview: bearer ? previewOf(bearer) : null,
      headerNames: bearer ? [] : Object.keys(headersSent).sort(),
    };
  }
  if (bearer === null || headers === null) return { ...NO_CREDENTIAL, secretVersion: before.secretVersion };
  if (before.sealed !== null && before.sealed.host !== at.host) throw needsCredential(before);
  const { secretVersion, sealed, preview, headerNames } = before;
  return { secretVersion, sealed, preview, headerNames };
}

function needsCredential({ preview }: KeptCredential): ApiProblem {
  const attribute = preview === null ? "headers" : "bearer";
  const detail = `A url on another host needs the ${attribute} again: they are bound to the host they were given for.`;
  return new ApiProblem([
    { code: "missing_required_parameter", detail, pointer: `/data/attributes/${attribute}` },
  ]);
}
