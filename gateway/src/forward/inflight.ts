/** Every relay that runs, so that a revocation, a limit or a shutdown finds it. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { TableView } from "@claviger/shared/decide/view";
import type { Relay } from "./relay.ts";

/** What ends: requests of these keys, tokens and projects, to these LLM keys, or all. */
export interface Ended {
  readonly keyIds: ReadonlySet<string>;
  readonly providerIds: ReadonlySet<string>;
  readonly tokenIds: ReadonlySet<string>;
  readonly projectIds: ReadonlySet<string>;
  readonly everything: boolean;
}

/** Abandoned calls that are read on at the same time, at most (PROTOCOL §2.8 "Disconnect"). */
const DRAINS_MAX = 64;

/**
 * A dense list in which every relay knows its place. A `Set` that is added to and deleted from all the time leaves tables
 * behind that refer to each other and to what was in them, so that finished requests live until the next full collection.
 */
export class Inflight {
  readonly #relays: Relay[] = [];
  #drains = 0;
  #requests = 0;

  get size(): number {
    return this.#relays.length;
  }

  /** True when nothing runs and no request is between two of its attempts, which has no relay then. */
  get quiet(): boolean {
    return this.#relays.length === 0 && this.#requests === 0;
  }

  /** Before the first attempt of a request. */
  begin(): void {
    this.#requests++;
  }

  /** Once for each request that was begun, when no attempt follows any more. */
  finish(): void {
    this.#requests--;
  }

  add(relay: Relay): void {
    relay.place = this.#relays.push(relay) - 1;
  }

  /** Once for each relay that was added. */
  remove(relay: Relay, drained: boolean): void {
    const last = this.#relays.pop();
    if (last !== undefined && last !== relay) {
      this.#relays[relay.place] = last;
      last.place = relay.place;
    }
    if (drained) this.#drains--;
  }

  /** A slot for reading an abandoned call on, if there is one. */
  takeDrain(): boolean {
    if (this.#drains >= DRAINS_MAX) return false;
    this.#drains++;
    return true;
  }

  /** Breaks off what a change has taken away and says how many requests that were. `view` is the table after it. */
  abort(ended: Ended, view: TableView): number {
    let n = 0;
    for (const relay of [...this.#relays]) {
      const refusal = refusalFor(ended, relay, view);
      if (refusal === undefined) continue;
      relay.abort(refusal);
      n++;
    }
    return n;
  }

  /** Breaks off everything that is left at the end of a shutdown. */
  abortAll(refusal: Refusal): number {
    const all = [...this.#relays];
    for (const relay of all) relay.abort(refusal);
    return all.length;
  }

  tick(nowMonoMs: number): void {
    for (const relay of [...this.#relays]) relay.tick(nowMonoMs);
  }
}

function refusalFor(ended: Ended, { job }: Relay, view: TableView): Refusal | undefined {
  const { key, provider, tokenId } = job.admission;
  // A detached gateway has no table any more.
  if (ended.everything) return refuse(view.configured ? "organization_disabled" : "no_configuration");
  if (ended.keyIds.has(key.id)) {
    if (view.closed(key.id)) return refuse("authorization_stale");
    if (view.key(key.id)?.status === "inactive") return refuse("key_inactive");
    return refuse(tokenId === undefined ? "key_revoked" : "parent_revoked");
  }
  if (tokenId !== undefined && ended.tokenIds.has(tokenId)) return refuse("token_revoked");
  if (ended.projectIds.has(key.projectId)) return refuse("project_disabled");
  if (!ended.providerIds.has(provider.id)) return undefined;
  return refuse(view.closed(provider.id) ? "authorization_stale" : "model_not_found");
}
