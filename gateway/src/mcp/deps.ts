/** What serving MCP needs of the other rooms and of the platform. */
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import type { McpServerRecord, ProviderRecord } from "@claviger/shared/wire/record";
import type { Metrics } from "../metrics.ts";
import type { Clock, Crypto, Exchange, Log, SharedKeys, Upstream, Vault } from "../ports.ts";
import type { Authenticate, Ledger, LimitBook, McpGrant, Tracer } from "../rooms.ts";
import type { LegLimits } from "./leg.ts";
import type { Sightings } from "./sightings.ts";
import type { Streams } from "./streams.ts";

export interface McpSettings extends LegLimits {
  readonly organizationId: string;
  readonly gatewayName: string;
  readonly bodyBytesMax: number;
  readonly bodyMsMax: number;
  /** A caller that takes nothing for so long is cut off. */
  readonly stallMsMax: number;
  /** `GET` streams that one key may have open here at once. */
  readonly mcpStreamsMax: number;
}

export interface McpDeps {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly upstream: Upstream;
  readonly vault: Vault;
  readonly shared: SharedKeys;
  readonly view: TableView;
  readonly authenticate: Authenticate;
  readonly grant: McpGrant;
  readonly limits: LimitBook;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracer?: Tracer | undefined;
  readonly streams: Streams;
  readonly sightings: Sightings;
  readonly settings: McpSettings;
  readonly refuseBySize: (exchange: Exchange, bytesMax: number) => Refusal | undefined;
  readonly refuseByType: (exchange: Exchange, wanted: "json") => Refusal | undefined;
}

const asProviders = new WeakMap<McpServerRecord, ProviderRecord>();

/** The server as vault, log and usage know whoever is called: a provider named `mcp`. */
export function providerOf(server: McpServerRecord): ProviderRecord {
  let record = asProviders.get(server);
  if (record === undefined) {
    const { id, name, url: baseUrl, secretVersion } = server;
    const fixed = { projectId: "", provider: "mcp", models: [] };
    record = { ...fixed, id, name, baseUrl, secretVersion: secretVersion ?? 1 };
    asProviders.set(server, record);
  }
  return record;
}

/** The headers that the server wants to see; undefined when this replica cannot open them. */
export async function credentialOf(
  vault: Vault,
  server: McpServerRecord,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (server.secretVersion === null) return {};
  const text = await vault.credentialFor(providerOf(server));
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, string>);
}
