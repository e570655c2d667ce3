/**
 * What an MCP server offers, asked of it like any client would: through the egress guard, with the credential that this
 * gateway holds, and within a few seconds.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import { pinOf } from "@claviger/shared/wire/mcp-pin";
import type { McpDiscovery, McpOffer } from "@claviger/shared/wire/query";
import type { McpServerRecord } from "@claviger/shared/wire/record";
import type { Clock, Upstream, Vault } from "../ports.ts";
import { credentialOf } from "./deps.ts";
import { LISTS } from "./filter.ts";
import { isObject, type JsonObject } from "./json-rpc.ts";
import type { LegLimits } from "./leg.ts";
import type { Look, Offer } from "./sightings.ts";
import { Talk } from "./talk.ts";

export interface DiscoverDeps {
  readonly upstream: Upstream;
  readonly vault: Vault;
  readonly clock: Pick<Clock, "monoMs">;
}

/** Whoever asks waits for thirty seconds in all. */
const WHOLE_MS = 20_000;
const EXCHANGE_MS = 10_000;
const PAGES_MAX = 50;
const OFFERS_MAX = 2_000;
const NAME_LENGTH_MAX = 2_048;
const LIMITS: LegLimits = {
  headersTimeoutMs: EXCHANGE_MS,
  streamMsMax: EXCHANGE_MS,
  answerBytesMax: 8 * 1024 * 1024,
  streamBytesMax: 16 * 1024 * 1024,
};

const METHODS: Readonly<Record<string, { readonly method: string; readonly capability: string }>> = {
  tools: { method: "tools/list", capability: "tools" },
  prompts: { method: "prompts/list", capability: "prompts" },
  resources: { method: "resources/list", capability: "resources" },
  resourceTemplates: { method: "resources/templates/list", capability: "resources" },
};

interface Found {
  readonly offers: readonly McpOffer[];
  readonly status: number | null;
  readonly protocolVersion: string | null;
  readonly serverName: string | null;
  readonly serverVersion: string | null;
}

/** Rows of the answer to the question `mcp-discover`; resolves in every case. */
export function createDiscover(
  deps: DiscoverDeps,
  view: Pick<TableView, "mcp">,
): (serverId: string) => Promise<readonly [McpDiscovery, ...McpOffer[]]> {
  return async (serverId) => {
    const startedMonoMs = deps.clock.monoMs();
    const server = view.mcp.byId(serverId);
    const found: Found | Failure =
      server === undefined ? refuse("no_configuration") : await discover(deps, server);
    const latencyMs = Math.max(0, Math.round(deps.clock.monoMs() - startedMonoMs));
    if (!("code" in found)) {
      const { offers, ...rest } = found;
      return [{ outcome: "ok", latencyMs, ...rest, offers: offers.length }, ...offers];
    }
    const nothing = { status: null, protocolVersion: null, serverName: null, serverVersion: null, offers: 0 };
    return [{ outcome: outcomeOf(found), latencyMs, ...nothing, status: found.status ?? null }];
  };
}

/** For `Sightings`. */
export function createLook(deps: DiscoverDeps): Look {
  return async (server) => {
    const found = await discover(deps, server);
    if ("code" in found) return found;
    const offers: Offer[] = [];
    for (const { kind, name, definition } of found.offers) {
      offers.push({ kind, name, hash: await pinOf(kind, definition) });
    }
    return offers;
  };
}

type Failure = Refusal & { readonly status?: number | null };

function outcomeOf({ code }: Failure): McpDiscovery["outcome"] {
  switch (code) {
    case "no_configuration":
      return "not_held";
    case "provider_auth_failed":
      return "auth_failed";
    case "upstream_blocked":
      return "blocked";
    case "provider_timeout":
    case "provider_disconnected":
      return "unreachable";
    default:
      return "unexpected_answer";
  }
}

async function discover(deps: DiscoverDeps, server: McpServerRecord): Promise<Found | Failure> {
  const credential = await credentialOf(deps.vault, server);
  if (credential === undefined) return refuse("no_configuration");
  const talk = new Talk(
    { upstream: deps.upstream, limits: LIMITS, timeoutMs: EXCHANGE_MS },
    server,
    credential,
  );
  const untilMonoMs = deps.clock.monoMs() + WHOLE_MS;
  const isLate = () => deps.clock.monoMs() >= untilMonoMs;
  try {
    const begun = await talk.begin();
    if ("code" in begun) return { ...begun, status: talk.status };
    if ("error" in begun) return { ...refuse("provider_bad_response"), status: talk.status };
    const { result } = begun;
    const capabilities = isObject(result.capabilities) ? result.capabilities : {};
    const offers: McpOffer[] = [];
    for (const list of LISTS) {
      const { method, capability } = METHODS[list.member] as (typeof METHODS)[string];
      if (capabilities[capability] === undefined) continue;
      const refusal = await readList(talk, method, list, offers, isLate);
      if (refusal !== undefined) return { ...refusal, status: talk.status };
    }
    const info = isObject(result.serverInfo) ? result.serverInfo : {};
    return {
      offers,
      status: talk.status,
      protocolVersion: talk.protocolVersion ?? null,
      serverName: textOf(info.name),
      serverVersion: textOf(info.version),
    };
  } finally {
    // Nobody waits for it, and it tells nothing.
    void talk.end();
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, 256) : null;
}

async function readList(
  talk: Talk,
  method: string,
  { member, kind, name: nameMember }: (typeof LISTS)[number],
  offers: McpOffer[],
  isLate: () => boolean,
): Promise<Refusal | undefined> {
  let params: JsonObject = {};
  for (let page = 0; page < PAGES_MAX; page++) {
    if (isLate()) return refuse("provider_timeout");
    const said = await talk.ask(method, params);
    if ("code" in said) return said;
    // A server may say that it has a kind of offers and not know the list of it.
    if ("error" in said) return undefined;
    const { [member]: entries, nextCursor } = said.result;
    for (const entry of Array.isArray(entries) ? entries : []) {
      const name = isObject(entry) ? entry[nameMember] : undefined;
      const isName = typeof name === "string" && name !== "" && name.length <= NAME_LENGTH_MAX;
      if (isObject(entry) && isName && offers.length < OFFERS_MAX) {
        offers.push({ kind, name, definition: { ...entry } });
      }
    }
    if (typeof nextCursor !== "string") return undefined;
    params = { cursor: nextCursor };
  }
  return undefined;
}
