/** For tests: the table, the follower and the ledger as the test writes them. */

import type { Freshness, ModelFacts, TableView } from "@claviger/shared/decide/view";
import { makeApiKey } from "@claviger/shared/key/secret";
import { HeldMcpServers } from "@claviger/shared/sync/mcp-table";
import { buildKey } from "@claviger/shared/testing/records";
import type {
  AliasRecord,
  KeyRecord,
  PolicyRecord,
  ProjectRecord,
  ProviderRecord,
} from "@claviger/shared/wire/record";
import type { Abort, Follower } from "../../../follow/follower.ts";
import type { OpenRecord } from "../../../ports.ts";
import type { Ledger, RequestFacts, Settlement } from "../../../rooms.ts";
import { createCrypto } from "../crypto.ts";

export const PROJECT = "prj_000000000001";
const ORGANIZATION = "org_000000000001";
const hashOf = createCrypto().keyHash;

export interface FakeTable {
  readonly view: TableView;
  readonly keys: Map<string, KeyRecord>;
  readonly providers: Map<string, ProviderRecord>;
  /** What is known of models, by `provider/model`. */
  readonly models: Map<string, ModelFacts>;
  /** By name. */
  readonly aliases: Map<string, AliasRecord>;
  readonly mcp: HeldMcpServers;
  freshness: Freshness;
  policy: PolicyRecord;
  /** Ids of tokens that were killed. */
  readonly denied: Set<string>;
  project: ProjectRecord;
  /** A new active key and its secret. */
  addKey(changes?: Partial<KeyRecord>): { secret: string; record: KeyRecord };
  edit(id: string, changes: Partial<KeyRecord>): void;
}

export function fakeTable(): FakeTable {
  const keys = new Map<string, KeyRecord>();
  const hashes = new Map<string, string>();
  const providers = new Map<string, ProviderRecord>();
  const models = new Map<string, ModelFacts>();
  const aliases = new Map<string, AliasRecord>();
  const denied = new Set<string>();
  const mcp = new HeldMcpServers();
  const table: FakeTable = {
    keys,
    providers,
    models,
    aliases,
    mcp,
    denied,
    freshness: { ageMs: 100, nowMs: Date.now() },
    policy: {
      id: ORGANIZATION,
      enabled: true,
      auditPolicy: "strict",
      defaultMaxOutputTokens: null,
      bodyCapture: false,
      budgetId: null,
    },
    project: { id: PROJECT, enabled: true, budgetId: null },
    addKey(changes) {
      const made = makeApiKey((size) => crypto.getRandomValues(new Uint8Array(size)));
      const hash = hashOf(made.secret);
      const record: KeyRecord = { ...newKey(made.id, hash), ...changes };
      keys.set(made.id, record);
      hashes.set(hash, made.id);
      return { secret: made.secret, record };
    },
    edit(id, changes) {
      const record = keys.get(id);
      if (record !== undefined) keys.set(id, { ...record, ...changes });
    },
    view: {
      byHash(hash) {
        const key = keys.get(hashes.get(hash) ?? "");
        const entry = key?.hashes.find((each) => each.hash === hash);
        return key === undefined || entry === undefined ? undefined : { key, hash: entry };
      },
      key: (id) => keys.get(id),
      closed: () => false,
      project: (id) => (id === table.project.id ? table.project : undefined),
      policy: () => table.policy,
      denied: (tokenId) => denied.has(tokenId),
      provider: (id) => providers.get(id),
      providersOf: () => [...providers.values()],
      priceOf: (provider, model) => models.get(`${provider}/${model}`),
      alias: (_projectId, name) => aliases.get(name),
      aliasesOf: () => [...aliases.values()],
      mcp,
      ...{ configured: true, epoch: 1, rev: 1 },
    },
  };
  return table;
}

function newKey(id: string, hash: string): KeyRecord {
  const hashes = [{ hash, generation: 1, notAfterMs: null }];
  return buildKey({ id, projectId: PROJECT, hashes, metadata: { team: "blue" } });
}

export interface FakeFollower extends Follower {
  abort(abort: Partial<Abort>): number;
  waits: number;
  /** What `draining()` says. */
  drains: boolean;
  /** What `detached()` says. */
  isDetached: boolean;
}

export function fakeFollower(table: FakeTable): FakeFollower {
  let listener: ((abort: Abort) => number) | undefined;
  const none: ReadonlySet<string> = new Set();
  const follower: FakeFollower = {
    view: table.view,
    waits: 0,
    drains: false,
    isDetached: false,
    secret: () => undefined,
    freshness: () => ({ ...table.freshness, nowMs: Date.now() }),
    provedNowMs: () => Date.now(),
    replicas: () => 1,
    draining: () => follower.drains,
    detached: () => follower.isDetached,
    ready: () => true,
    async waitForUnknown() {
      follower.waits++;
    },
    waitForRevision: async (epoch, rev) => epoch === 1 && rev <= 1,
    onAbort(to) {
      listener = to;
      return () => {
        listener = undefined;
      };
    },
    abort: (abort) =>
      listener?.({
        epoch: 1,
        rev: 2,
        keyIds: none,
        providerIds: none,
        tokenIds: none,
        projectIds: none,
        mcpServerIds: none,
        everything: false,
        ...abort,
      }) ?? 0,
    status: () => ({
      configured: true,
      epoch: 1,
      rev: 1,
      durableRev: 1,
      chain: "",
      keys: table.keys.size,
      ageMs: table.freshness.ageMs,
      clockOffsetMs: 0,
      clockErrorMs: 0,
      clockTrusted: true,
      nack: undefined,
      loaded: "whole",
      heartbeats: { answered: 1, failed: 0 },
      dropped: { bad_signature: 3 },
      alarms: {},
    }),
  };
  return follower;
}

export interface FakeLedger extends Ledger {
  readonly opened: OpenRecord[];
  readonly settlements: Settlement[];
  readonly refusals: string[];
  /** Of each refusal, in the same order. */
  readonly refusedFacts: RequestFacts[];
  records: boolean;
  /** Resolves when `n` requests have been settled. */
  settledCount(n: number): Promise<void>;
}

export function fakeLedger(): FakeLedger {
  const waiting: { n: number; resolve: () => void }[] = [];
  const ledger: FakeLedger = {
    opened: [],
    settlements: [],
    refusals: [],
    refusedFacts: [],
    records: true,
    async open(record) {
      ledger.opened.push(record);
      return ledger.records;
    },
    withdraw() {},
    settle(settlement) {
      ledger.settlements.push(settlement);
      for (const each of waiting) if (ledger.settlements.length >= each.n) each.resolve();
    },
    refused(facts, _key, code) {
      ledger.refusals.push(code);
      ledger.refusedFacts.push(facts);
    },
    settledCount(n) {
      if (ledger.settlements.length >= n) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ n, resolve }));
    },
  };
  return ledger;
}
