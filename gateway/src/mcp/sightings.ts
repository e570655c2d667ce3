/**
 * What servers offer as this replica has last seen it: the hashes that pins are compared with. A server is looked at anew
 * after a minute, when it says that its lists have changed, and when its record has; in between each list that passes by
 * is looked at too. Where new offers are accepted as they come, nobody looks.
 */
import type { HashOf } from "@claviger/shared/decide/mcp-rights";
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { McpOfferKind, McpServerRecord } from "@claviger/shared/wire/record";

export interface Offer {
  readonly kind: McpOfferKind;
  readonly name: string;
  readonly hash: string | undefined;
}

/** Asks a server for all that it offers. */
export type Look = (server: McpServerRecord) => Promise<readonly Offer[] | Refusal>;

const FRESH_MS = 60_000;
const REMEMBERED_MAX = 1_000;

interface Seen {
  /** Of what is pinned: what nobody has decided about is not given, whatever it says. */
  readonly hashes: Map<string, string | undefined>;
  readonly pinned: ReadonlySet<string>;
  lookedMonoMs: number;
  /** How often the server has said that something has changed. */
  changes: number;
  looking: Promise<Refusal | undefined> | undefined;
}

export class Sightings {
  /** By record: with another one a server is looked at anew. */
  readonly #seen = new WeakMap<McpServerRecord, Seen>();
  /** By id: what was seen goes on from one record to the next, so that no call under way ends because another tool was accepted. */
  readonly #newest = new Map<string, McpServerRecord>();
  readonly #look: Look;
  readonly #monoMs: () => number;

  constructor(look: Look, monoMs: () => number) {
    this.#look = look;
    this.#monoMs = monoMs;
  }

  /** Resolves when what the server offers is known well enough to decide; a refusal when it cannot be. */
  know(server: McpServerRecord): Promise<Refusal | undefined> | undefined {
    if (server.newOffers === "accept") return undefined;
    const seen = this.#of(server);
    if (this.#monoMs() - seen.lookedMonoMs < FRESH_MS) return undefined;
    seen.looking ??= this.#lookAt(server, seen).finally(() => {
      seen.looking = undefined;
    });
    return seen.looking;
  }

  hashOf(server: McpServerRecord): HashOf {
    const { hashes } = this.#of(server);
    return (kind, name) => hashes.get(`${kind} ${name}`);
  }

  /** Of a list that passes by. */
  saw(server: McpServerRecord, { kind, name, hash }: Offer): void {
    const { hashes, pinned } = this.#of(server);
    const key = `${kind} ${name}`;
    if (pinned.has(key)) hashes.set(key, hash);
  }

  /** The server says that something has changed. */
  outdated(server: McpServerRecord): void {
    const seen = this.#of(server);
    seen.changes++;
    seen.lookedMonoMs = Number.NEGATIVE_INFINITY;
  }

  async #lookAt(server: McpServerRecord, seen: Seen): Promise<Refusal | undefined> {
    const startedMonoMs = this.#monoMs();
    const { changes } = seen;
    const offers = await this.#look(server);
    if ("code" in offers) return offers;
    seen.hashes.clear();
    for (const offer of offers) this.saw(server, offer);
    // What it said while it was looked at may be newer than what it showed.
    if (seen.changes === changes) seen.lookedMonoMs = startedMonoMs;
    return undefined;
  }

  #of(server: McpServerRecord): Seen {
    let seen = this.#seen.get(server);
    if (seen === undefined) {
      const pinned = new Set(server.pins.map(({ kind, name }) => `${kind} ${name}`));
      const hashes = new Map(this.#before(server)?.hashes);
      for (const key of hashes.keys()) if (!pinned.has(key)) hashes.delete(key);
      seen = { hashes, pinned, lookedMonoMs: Number.NEGATIVE_INFINITY, changes: 0, looking: undefined };
      this.#seen.set(server, seen);
      // Of servers that are long gone nothing has to be known.
      if (this.#newest.size >= REMEMBERED_MAX) this.#newest.clear();
      this.#newest.set(server.id, server);
    }
    return seen;
  }

  /** What was seen by the record before, if it is the same server by address and credential. */
  #before({ id, url, secretVersion }: McpServerRecord): Seen | undefined {
    const before = this.#newest.get(id);
    const isSame = before !== undefined && before.url === url && before.secretVersion === secretVersion;
    return isSame ? this.#seen.get(before) : undefined;
  }
}
