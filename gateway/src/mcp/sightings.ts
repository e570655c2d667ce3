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

interface Seen {
  readonly hashes: Map<string, string | undefined>;
  lookedMonoMs: number;
  looking: Promise<Refusal | undefined> | undefined;
}

export class Sightings {
  /** By record: another one is another server. */
  readonly #seen = new WeakMap<McpServerRecord, Seen>();
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
    this.#of(server).hashes.set(`${kind} ${name}`, hash);
  }

  /** The server says that something has changed. */
  outdated(server: McpServerRecord): void {
    this.#of(server).lookedMonoMs = Number.NEGATIVE_INFINITY;
  }

  async #lookAt(server: McpServerRecord, seen: Seen): Promise<Refusal | undefined> {
    const startedMonoMs = this.#monoMs();
    const offers = await this.#look(server);
    if ("code" in offers) return offers;
    seen.hashes.clear();
    for (const { kind, name, hash } of offers) seen.hashes.set(`${kind} ${name}`, hash);
    seen.lookedMonoMs = startedMonoMs;
    return undefined;
  }

  #of(server: McpServerRecord): Seen {
    let seen = this.#seen.get(server);
    if (seen === undefined) {
      seen = { hashes: new Map(), lookedMonoMs: Number.NEGATIVE_INFINITY, looking: undefined };
      this.#seen.set(server, seen);
    }
    return seen;
  }
}
