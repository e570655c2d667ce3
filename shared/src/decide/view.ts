/**
 * What deciding reads of a gateway's table. The table (sync) implements it; admission, model resolution and the list
 * of models only ever look through this window, so that a decision cannot write.
 */
import type { PinnedPrice } from "../money/cost.ts";
import type {
  AliasRecord,
  KeyHash,
  KeyRecord,
  McpServerRecord,
  PolicyRecord,
  ProjectRecord,
  ProviderRecord,
} from "../wire/record.ts";

/** What is known of a model, in the integers that bounds and costs are computed with. */
export interface ModelFacts {
  /** undefined: the model has no price, which is never $0. */
  readonly price: PinnedPrice | undefined;
  readonly contextWindow: number | null;
  readonly outputTokensMax: number | null;
}

/** The organization's MCP servers; whether one is enabled, and for whom, is for `decide/mcp-server.ts` to say. */
export interface McpServersView {
  /** By its name, byte for byte. */
  byName(name: string): McpServerRecord | undefined;
  byId(id: string): McpServerRecord | undefined;
  /** In the order of their names. */
  all(): readonly McpServerRecord[];
}

export interface TableView {
  /** The key that this hash belongs or once belonged to, and the hash's own entry. One map look-up. */
  byHash(hash: string): { key: KeyRecord; hash: KeyHash } | undefined;
  key(id: string): KeyRecord | undefined;
  /** True when what is held of a key, an LLM key or a token may not be what its owner decided: it serves nobody and blames nobody. */
  closed(id: string): boolean;
  project(id: string): ProjectRecord | undefined;
  policy(): PolicyRecord | undefined;
  /** True when this token of a living parent was killed by its `jti`. */
  denied(tokenId: string): boolean;
  provider(id: string): ProviderRecord | undefined;
  /** The project's LLM keys, in id order. */
  providersOf(projectId: string): readonly ProviderRecord[];
  /** What `model`, as `provider` knows it, costs and takes; undefined when nothing is known of it. One look-up per call. */
  priceOf(provider: string, model: string): ModelFacts | undefined;
  /** The alias that a key of this project means by `name`: the project's own before the organization's. */
  alias(projectId: string, name: string): AliasRecord | undefined;
  /** Every alias that a key of this project may use, by name. */
  aliasesOf(projectId: string): readonly AliasRecord[];
  readonly mcp: McpServersView;
  /** True when there is a verified table at all (else 503 `no_configuration`). */
  readonly configured: boolean;
  readonly epoch: number;
  readonly rev: number;
}

/**
 * How old the last freshness proof is, in milliseconds, and the clock that expiry is compared with: Unix milliseconds
 * of this replica corrected by the measured offset. `ageMs` is Infinity when there is no usable proof.
 */
export interface Freshness {
  ageMs: number;
  nowMs: number;
  /** Less than `nowMs` when this clock cannot be believed: what the control plane's shows at least, whatever was done to this one's. */
  nowMsMin?: number;
}
